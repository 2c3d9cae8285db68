-- language: Haskell
-- package: ghc
-- needs: ghc
-- heavy: 800 MB
-- compile-outside: ghc -v0 -o program haskell.hs
-- run: ./program
module Main where

import Control.Concurrent
import System.IO

primes :: [Int]
primes = sieve [2 .. 99999]
  where
    sieve (p : rest)
      | p * p > 99999 = p : rest
      | otherwise = p : sieve [n | n <- rest, n `mod` p /= 0]
    sieve [] = []

main :: IO ()
main = do
  hSetBuffering stdout LineBuffering
  putStrLn "hello, world"
  answer <- newEmptyMVar
  _ <- forkIO $ putMVar answer $! (show (length primes) ++ " " ++ show (sum primes))
  takeMVar answer >>= putStrLn
  writeFile "numbers.txt" (unlines (map show [1 .. 1000 :: Int]))
  text <- readFile "numbers.txt"
  print (sum (map read (lines text)) :: Int)
