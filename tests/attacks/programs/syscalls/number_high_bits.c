/* Calls mount with bits set that the kernel cuts off: a filter that compares all of them sees another number.
 *
 * id: S56
 * contained: seccomp stops the call before it happens; the box is frozen and killed
 * expect: VIOLATION syscall=mount
 * machine: x86_64
 */
#include "attack.h"

int main(void)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(0x100000000UL | SYS_mount), "D"("none"), "S"("."), "d"("tmpfs") : "rcx", "r11", "memory");
	canary();
	return 0;
}
