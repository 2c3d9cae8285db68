/* Removes, renames and leaves its working directory, for whoever looks at it afterwards.
 *
 * id: F24
 * contained: files are collected through the directory that was prepared, wherever it went
 * expect: OK stdout=gone
 * outputs: out.txt
 * output: out.txt missing
 */
#include "attack.h"

int main(void)
{
	char here[PATH_MAX], there[PATH_MAX + 8];

	need(getcwd(here, sizeof here) != NULL, "getcwd");
	snprintf(there, sizeof there, "%s.old", here);
	unlink("attack");
	rename(here, there);
	rmdir(there);
	rmdir(here);
	symlink("/etc", here);
	say("gone");
	return 0;
}
