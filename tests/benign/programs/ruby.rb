# language: Ruby
# package: ruby
# needs: ruby
# run: ruby ruby.rb
$stdout.sync = true
puts "hello, world"
composite = Array.new(100_000, false)
primes = []
Thread.new do
  (2...100_000).each do |n|
    next if composite[n]
    primes << n
    (n * n).step(99_999, n) { |m| composite[m] = true }
  end
end.join
puts "#{primes.size} #{primes.sum}"
File.write("numbers.txt", (1..1000).to_a.join("\n"))
puts File.readlines("numbers.txt").sum(&:to_i)
