/* language: C++
 * package: g++
 * needs: c++
 * compile: c++ -O2 -pthread -o program cpp.cpp
 * run: ./program
 */
#include <algorithm>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

int main()
{
	std::cout << "hello, world" << std::endl;
	std::vector<bool> composite(100000);
	std::vector<long> primes;
	for (long n = 2; n < 100000; n++) {
		if (composite[n])
			continue;
		primes.push_back(n);
		for (long m = n * n; m < 100000; m += n)
			composite[m] = true;
	}
	long halves[2] = { 0, 0 };
	std::vector<std::thread> threads;
	for (int half = 0; half < 2; half++)
		threads.emplace_back([&, half] {
			for (size_t i = half; i < primes.size(); i += 2)
				halves[half] += primes[i];
		});
	for (auto &one : threads)
		one.join();
	std::cout << primes.size() << " " << halves[0] + halves[1] << std::endl;
	{
		std::ofstream file("numbers.txt");
		for (int n = 1; n <= 1000; n++)
			file << n << "\n";
	}
	std::ifstream file("numbers.txt");
	int value, total = 0;
	while (file >> value)
		total += value;
	std::cout << total << std::endl;
	try {
		throw std::runtime_error("caught");
	} catch (const std::exception &) {
		return 0;
	}
}
