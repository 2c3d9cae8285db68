/* Is ended by a limit while it writes its output: what is there must not pass for a whole file without a word.
 *
 * id: C19
 * contained: the verdict says which limit; the file is what was written until then
 * expect: DISK limit=file_bytes
 * outputs: out.txt
 * output: out.txt any
 */
#include "attack.h"

int main(void)
{
	static char block[1 << 20];
	int fd = creat("out.txt", 0600);

	need(fd >= 0, "create a file");
	while (write(fd, block, sizeof block) > 0)
		;
	return 0;
}
