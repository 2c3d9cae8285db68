/* Has many processes with two megabytes of words and thousands of mappings each when one makes the forbidden call.
 *
 * id: V34
 * contained: what is kept of all processes together has a size and a time
 * expect: VIOLATION syscall=mount
 * evidence: yes
 * limits: memory=200m cpu=3s
 */
#include "attack.h"

int main(int argc, char **argv)
{
	static char text[120001];
	char *words[13], *environment[7];

	if (argc < 3) {
		memset(text, 'w', sizeof text - 1);
		for (int i = 0; i < 12; i++)
			words[i] = text;
		for (int i = 0; i < 6; i++)
			environment[i] = text;
		words[12] = environment[6] = NULL;
		execve("/proc/self/exe", words, environment);
	}
	char *map = mmap(NULL, 4096L * 6000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (int i = 0; i < 3000; i++)
		mprotect(map + 8192L * i, 4096, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 28; i++)
		if (fork() == 0)
			for (;;)
				pause();
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
