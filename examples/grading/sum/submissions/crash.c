/* Ends by a signal where a is negative. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	long long a, b;

	if (scanf("%lld %lld", &a, &b) != 2 || a < 0)
		abort();
	printf("%lld\n", (a + b) * (b - a + 1) / 2);
	return 0;
}
