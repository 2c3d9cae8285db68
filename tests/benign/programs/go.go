// language: Go
// package: golang-go
// needs: go
// compile: env GOCACHE=/tmp/cache GOFLAGS=-buildvcs=false GO111MODULE=off go build -o program go.go
// run: ./program
// compile-limits: memory=1g processes=200 cpu=60s wall=90s disk=400m inodes=20000 open-files=1024
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	fmt.Println("hello, world")
	composite := make([]bool, 100000)
	primes := make(chan int, 100)
	go func() {
		for n := 2; n < len(composite); n++ {
			if composite[n] {
				continue
			}
			primes <- n
			for m := n * n; m < len(composite); m += n {
				composite[m] = true
			}
		}
		close(primes)
	}()
	var group sync.WaitGroup
	var lock sync.Mutex
	count, sum := 0, 0
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range primes {
				lock.Lock()
				count++
				sum += n
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	time.Sleep(time.Millisecond)
	fmt.Println(count, sum)
	file, _ := os.Create("numbers.txt")
	for n := 1; n <= 1000; n++ {
		fmt.Fprintln(file, n)
	}
	file.Close()
	file, _ = os.Open("numbers.txt")
	total := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		value := 0
		fmt.Sscan(lines.Text(), &value)
		total += value
	}
	fmt.Println(total)
}
