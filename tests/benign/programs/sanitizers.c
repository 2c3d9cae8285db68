/* language: C
 * package: gcc
 * needs: gcc /usr/lib/gcc/x86_64-linux-gnu
 * machine: x86_64
 * compile: gcc -g -fsanitize=address,undefined -o program sanitizers.c
 * run: ./program
 * expect: swept 45
 */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	int *numbers = malloc(10 * sizeof *numbers), sum = 0;

	for (int i = 0; i < 10; i++)
		numbers[i] = i;
	for (int i = 0; i < 10; i++)
		sum += numbers[i];
	free(numbers);
	printf("swept %d\n", sum);
	return 0;
}
