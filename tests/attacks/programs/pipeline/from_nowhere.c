/* Makes the forbidden call from code in memory that no file is mapped to, without a usable stack.
 *
 * id: V21
 * contained: the record says that no file is there; evidence takes what can be read
 * expect: VIOLATION syscall=mount
 * machine: x86_64
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	static const unsigned char code[] = { 0x31, 0xe4, 0x31, 0xed, 0xb8, 165, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(page != MAP_FAILED, "mmap");
	memcpy(page, code, sizeof code);
	((void (*)(void))page)();
	canary();
	return 0;
}
