/* Unmaps everything that it has but one page of code, and makes the forbidden call from there.
 *
 * id: V22
 * contained: evidence takes what can be read, and ends
 * expect: VIOLATION syscall=mount
 * machine: x86_64
 * evidence: yes
 */
#include "attack.h"

int main(void)
{
	/* munmap(0, page); munmap(page + 4096, the rest); mount(...); a fault */
	static const unsigned char code[] = {
		0x31, 0xff, 0x48, 0x89, 0xde, 0xb8, 11, 0, 0, 0, 0x0f, 0x05,                   /* munmap(0, rbx) */
		0x48, 0x8d, 0xbb, 0x00, 0x10, 0, 0, 0x4c, 0x89, 0xe6, 0x48, 0x29, 0xfe,          /* rdi = rbx + 4096; rsi = r12 - rdi */
		0xb8, 11, 0, 0, 0, 0x0f, 0x05, 0xb8, 165, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b,       /* munmap; mount; ud2 */
	};
	void *page = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(page != MAP_FAILED, "mmap");
	memcpy(page, code, sizeof code);
	register uintptr_t end __asm__("r12") = 0x7ffffffff000UL;
	__asm__ volatile("jmp *%0" ::"a"(page), "b"(page), "r"(end) : "memory");
	canary();
	return 0;
}
