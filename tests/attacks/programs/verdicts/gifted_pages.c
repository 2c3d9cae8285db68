/* Gives the pages of its memory to its output (vmsplice), and writes other things into them before anybody has read: what
 * the grader reads changes under his hands.
 *
 * id: T37
 * contained: each byte is read once, and what was read is what is judged
 * expect: OK stdout=(good|evil)*
 */
#include "attack.h"

int main(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct iovec part = {page, 4000};

	for (int i = 0; i < 1000; i++)
		memcpy(page + i * 4, "good", 4);
	vmsplice(1, &part, 1, SPLICE_F_GIFT);
	for (int turn = 0; turn < 2000; turn++)
		for (int i = 0; i < 1000; i++)
			memcpy(page + i * 4, turn % 2 ? "good" : "evil", 4);
	return 0;
}
