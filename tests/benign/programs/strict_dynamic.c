/* language: C under the policy `strict`, with shared libraries
 * package: gcc
 * needs: cc
 * compile: cc -O2 -o program strict_dynamic.c -lm
 * run: ./program
 * policy: strict
 */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	static char composite[100000];
	int count = 0, value, total = 0;
	long sum = 0;

	puts("hello, world");
	for (int n = 2; n < 100000; n++) {
		if (composite[n])
			continue;
		count++;
		sum += n;
		for (long m = (long)n * n; m < 100000; m += n)
			composite[m] = 1;
	}
	printf("%d %ld\n", count, sum);
	FILE *file = fopen("numbers.txt", "w");
	for (int n = 1; n <= 1000; n++)
		fprintf(file, "%d\n", n);
	fclose(file);
	file = fopen("numbers.txt", "r");
	while (fscanf(file, "%d", &value) == 1)
		total += value;
	fclose(file);
	printf("%d\n", total);
	return 0;
}
