/* Makes an internet socket by socketcall, the one call that had them all on 32 bits: no family stands in its arguments.
 *
 * id: S73
 * contained: the filter looks at the architecture first; any but the native one is a violation
 * expect: VIOLATION syscall=socketcall arch=x86
 * or: VIOLATION syscall=#102 arch=x86 -- whoever decodes it may know no names of the other architecture
 * machine: x86_64
 */
	.section .note.GNU-stack, "", @progbits
	.text
	.globl _start
_start:
	mov	$102, %eax
	mov	$1, %ebx
	lea	words(%rip), %ecx
	int	$0x80
	mov	$1, %eax
	mov	$1, %edi
	lea	word(%rip), %rsi
	mov	$7, %edx
	syscall
	mov	$60, %eax
	xor	%edi, %edi
	syscall
	.section .rodata
word:	.ascii	"CANARY\n"
	.align	4
words:	.long	2, 1, 0
