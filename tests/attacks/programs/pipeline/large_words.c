/* Is a program with two megabytes of arguments and environment, in names that break lines, tables and terminals, when it
 * makes the forbidden call.
 *
 * id: V31
 * contained: evidence has bounds, and escapes what it writes down
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

#define WORDS 8

int main(int count, char **words)
{
	static char text[WORDS][120000];
	char *long_words[WORDS + 2] = {"\033]0;x\a\n| --- |\n\xe2\x80\xae"};

	if (count > 1) {
		prctl(PR_SET_NAME, "\033[2J`|\n\xff");
		mount("\033[31m`|\n<script>\xff\xe2\x80\xae", "/tmp", "tmpfs", 0, NULL);
		canary();
	}
	for (int i = 0; i < WORDS; i++) {
		for (unsigned k = 0; k < sizeof text[i] - 1; k++)
			text[i][k] = "a\n|`\033<\xff="[(k + (unsigned)i) % 8];
		long_words[i + 1] = text[i];
	}
	execve(words[0], long_words, long_words);
	need(0, "execve");
}
