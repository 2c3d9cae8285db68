/* Looks whether any capability was left to it, in any set, and puts them back where it can.
 *
 * id: F12
 * contained: every set is empty, the bounding set too
 * expect: OK 'stdout=empty( empty){4}'
 */
#include "attack.h"

int main(void)
{
	const char *sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	FILE *status = fopen("/proc/self/status", "r");
	char line[256], answer[256] = "";

	need(status != NULL, "open /proc/self/status");
	while (fgets(line, sizeof line, status))
		for (int i = 0; i < 5; i++)
			if (strncmp(line, sets[i], 6) == 0) {
				unsigned long long bits = strtoull(line + 7, NULL, 16);

				if (bits)
					canary();
				strcat(answer, bits ? sets[i] : "empty");
				strcat(answer, " ");
			}
	answer[strlen(answer) - 1] = 0;
	say("%s", answer);
	return 0;
}
