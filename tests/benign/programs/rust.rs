// language: Rust
// package: rustc
// needs: rustc
// compile: rustc -O -o program rust.rs
// run: ./program
// compile-limits: memory=1g processes=100 cpu=30s wall=60s disk=200m open-files=1024
use std::fs;
use std::io::Write;
use std::sync::mpsc;
use std::thread;

fn main() -> std::io::Result<()> {
    println!("hello, world");
    let (sender, receiver) = mpsc::channel();
    let sieve = thread::spawn(move || {
        let mut composite = vec![false; 100_000];
        for n in 2..composite.len() {
            if composite[n] {
                continue;
            }
            sender.send(n).unwrap();
            for m in (n * n..composite.len()).step_by(n) {
                composite[m] = true;
            }
        }
    });
    let primes: Vec<usize> = receiver.iter().collect();
    sieve.join().unwrap();
    println!("{} {}", primes.len(), primes.iter().sum::<usize>());
    let mut file = fs::File::create("numbers.txt")?;
    for n in 1..=1000 {
        writeln!(file, "{}", n)?;
    }
    drop(file);
    let text = fs::read_to_string("numbers.txt")?;
    println!("{}", text.lines().map(|line| line.parse::<u32>().unwrap()).sum::<u32>());
    Ok(())
}
