// Wrong for large numbers: an int has 32 bits.
#include <iostream>

int main()
{
	unsigned a, b, sum = 0;

	std::cin >> a >> b;
	for (unsigned number = a; number != b + 1; number++)
		sum += number;
	std::cout << static_cast<int>(sum) << "\n";
}
