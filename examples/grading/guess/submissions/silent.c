/* Waits for an answer before it has asked: a deadlock. */
#include <stdio.h>

int main(void)
{
	char answer[16];

	printf("500\n"); /* stays in the buffer: nothing flushes it */
	return scanf("%15s", answer) != 1;
}
