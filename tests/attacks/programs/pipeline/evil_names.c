/* Has line ends, escapes, HTML and half a character in its name, its arguments and its paths, for logs and reports.
 *
 * id: V8
 * contained: a log line is JSON with everything escaped; a report shows data as data
 * expect: VIOLATION syscall=mount
 * evidence: yes
 */
#include "attack.h"

int main(int argc, char **argv)
{
	(void)argc;
	memcpy(argv[0], "\n{\"a\":1}", strlen(argv[0]) < 8 ? strlen(argv[0]) : 8);
	prctl(PR_SET_NAME, "</p>\n\033[2J\xff\"");
	mount("<script>alert(1)</script>\n{\"syscall\":\"read\"}", "\033]0;owned\007\xed\xa0\x80", "`|\n# title", 0, "\"");
	canary();
	return 0;
}
