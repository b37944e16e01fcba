/* Entry, the call of a kernel on its own stack, and fault handlers. Armv7-M and Armv8-M mainline. */
  .syntax unified
  .thumb

#define SYST_CSR 0xe000e010
#define NVIC_ICER 0xe000e180
#define NVIC_ICPR 0xe000e280
#define ICSR 0xe000ed04
#define CPACR 0xe000ed88
#define VTOR 0xe000ed08
#define CCR 0xe000ed14
#define SHCSR 0xe000ed24
#define FPCCR 0xe000ef34

  .section .vectors, "a", %progbits
  .balign 512
  .global tunefarm_vectors
tunefarm_vectors:
  .word tunefarm_main_stack_top
  .word tunefarm_entry
  .rept 13
  .word tunefarm_exception
  .endr
  .word tunefarm_systick
  /* A board's interrupts: none is enabled. */
  .rept 240
  .word tunefarm_exception
  .endr

  .macro function name
  .section .text.\name, "ax", %progbits
  .global \name
  .type \name, %function
  .thumb_func
\name:
  .endm

  /* Does what the control block says. Reached anew for each command, whatever state the last one left. */
  function tunefarm_entry
  cpsid i
  ldr r0, =tunefarm_main_stack_top
  msr msp, r0
  movs r0, #0
  msr control, r0
  msr basepri, r0
  isb
#if __ARM_ARCH >= 8
  msr psplim, r0
  msr msplim, r0
#endif
  /* On a board whose firmware has run: none of its interrupts, nor its timer. */
  ldr r0, =SYST_CSR
  movs r1, #0
  str r1, [r0]
  ldr r0, =ICSR
  ldr r1, =0x0a000000
  str r1, [r0]
  ldr r0, =NVIC_ICER
  ldr r3, =NVIC_ICPR
  mvn r1, #0
  movs r2, #16
1:
  str r1, [r0], #4
  str r1, [r3], #4
  subs r2, r2, #1
  bne 1b
  ldr r0, =VTOR
  ldr r1, =tunefarm_vectors
  str r1, [r0]
  /* Faults of their own kind, so that the handler knows them; division by zero is one. */
  ldr r0, =SHCSR
  ldr r1, [r0]
  orr r1, r1, #0x70000
  str r1, [r0]
  ldr r0, =CCR
  ldr r1, [r0]
  orr r1, r1, #0x10
#if __ARM_ARCH >= 8
  orr r1, r1, #0x80000 /* Loops without a branch (Armv8.1-M); ignored where there are none. */
#endif
  str r1, [r0]
  /* The floating-point unit and Helium, for everybody, and no stacking of their registers: no handler uses them. */
  ldr r0, =CPACR
  ldr r1, [r0]
  orr r1, r1, #0xf00000
  str r1, [r0]
  ldr r0, =FPCCR
  ldr r1, [r0]
  bic r1, r1, #0xc0000000
  str r1, [r0]
  dsb
  isb
  cpsie i
  bl tunefarm_command
  b tunefarm_done

  /* The runner's breakpoints. */
  function tunefarm_done
  b tunefarm_done
  function tunefarm_fault
  b tunefarm_fault

  /* void tunefarm_call(function, a, b, c, stack_top): calls function(a, b, c) on that stack. */
  .macro call name, branch
  function \name
  push {r4-r11, lr}
  mov r4, r0
  ldr r5, [sp, #36]
  msr psp, r5
  movs r5, #2
  msr control, r5 /* Thread mode on the process stack. */
  isb
  mov r0, r1
  mov r1, r2
  mov r2, r3
  movs r3, #0
  b \branch
  .endm
  .macro return
  movs r5, #0
  msr control, r5
  isb
  pop {r4-r11, pc}
  .endm

  call tunefarm_call, 1f
1:
  blx r4
  return

  /* The same, between the estimator's marks: what runs from tunefarm_begin until tunefarm_end is counted. */
  call tunefarm_counted_call, tunefarm_begin
  function tunefarm_begin
  blx r4
  .global tunefarm_end
  .type tunefarm_end, %function
  .thumb_func
tunefarm_end:
  return

  /* Any exception that we do not want: notes what happened and waits for the runner. */
  function tunefarm_exception
  mrs r0, psp
  mrs r1, ipsr
  mov r2, lr
  /* On a fresh main stack: the fault may have been its doing. */
  ldr r3, =tunefarm_main_stack_top
  mov sp, r3
  bl tunefarm_note_fault
  b tunefarm_fault
