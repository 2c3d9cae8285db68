# language: R
# package: r-base-core
# needs: Rscript
# run: Rscript --vanilla r.R
# limits: memory=512m processes=50 cpu=20s wall=30s
cat("hello, world\n")
composite <- logical(99999)
count <- 0
total <- 0
for (n in 2:99999) {
  if (composite[n]) next
  count <- count + 1
  total <- total + n
  if (n <= 316) composite[seq(n * n, 99999, by = n)] <- TRUE
}
cat(count, " ", format(total, scientific = FALSE), "\n", sep = "")
writeLines(as.character(1:1000), "numbers.txt")
cat(sum(as.integer(readLines("numbers.txt"))), "\n", sep = "")
stopifnot(abs(solve(matrix(c(2, 0, 0, 4), 2)) %*% c(2, 4) - 1) < 1e-9)
