/* Puts a filter of its own over ours that allows everything: the strictest one must win.
 *
 * id: S81
 * contained: of several filters the strictest answer holds, and a policy may refuse another one at once
 * expect: VIOLATION syscall=mount
 * or: VIOLATION syscall=seccomp -- a policy may refuse a filter at once
 * or: VIOLATION syscall=prctl -- a policy may refuse a filter at once
 */
#include "attack.h"

int main(void)
{
	struct {
		uint16_t code;
		uint8_t jt, jf;
		uint32_t k;
	} allow = { 6, 0, 0, 0x7fff0000 };
	struct {
		uint16_t length;
		void *filter;
	} program = { 1, &allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, 2, &program);
	mount("none", ".", "tmpfs", 0, NULL);
	canary();
	return 0;
}
