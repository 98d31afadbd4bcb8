/* mpstd.h -- which platform this is
 *
 * Defines one operating system MPS_OS_, architecture MPS_ARCH_, compiler
 * MPS_BUILD_ and their combination MPS_PF_, the word as a type with its
 * width in bits and the logarithm of that, and the alignment of blocks.
 * mps.h does not include it.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpstd_h
#define mpstd_h

#if defined(__linux__)
#define MPS_OS_LI
#elif defined(__FreeBSD__)
#define MPS_OS_FR
#elif defined(__APPLE__)
#define MPS_OS_XC
#elif defined(_WIN32)
#define MPS_OS_W3
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define MPS_ARCH_I6
#elif defined(__aarch64__)
#define MPS_ARCH_A6
#elif defined(__i386__) || defined(_M_IX86)
#define MPS_ARCH_I3
#endif

/* Clang and Pelles C call themselves GNU and Microsoft as well. */
#if defined(__clang__)
#define MPS_BUILD_LL
#elif defined(__GNUC__)
#define MPS_BUILD_GC
#elif defined(__POCC__)
#define MPS_BUILD_PC
#elif defined(_MSC_VER)
#define MPS_BUILD_MV
#endif

#if defined(MPS_OS_LI) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_LII6GC
#define MPS_PF_STRING "lii6gc"
#elif defined(MPS_OS_LI) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_LII6LL
#define MPS_PF_STRING "lii6ll"
#elif defined(MPS_OS_LI) && defined(MPS_ARCH_A6) && defined(MPS_BUILD_GC)
#define MPS_PF_LIA6GC
#define MPS_PF_STRING "lia6gc"
#elif defined(MPS_OS_LI) && defined(MPS_ARCH_A6) && defined(MPS_BUILD_LL)
#define MPS_PF_LIA6LL
#define MPS_PF_STRING "lia6ll"
#elif defined(MPS_OS_LI) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_LII3GC
#define MPS_PF_STRING "lii3gc"
#elif defined(MPS_OS_FR) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_FRI6GC
#define MPS_PF_STRING "fri6gc"
#elif defined(MPS_OS_FR) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_FRI6LL
#define MPS_PF_STRING "fri6ll"
#elif defined(MPS_OS_FR) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_FRI3GC
#define MPS_PF_STRING "fri3gc"
#elif defined(MPS_OS_FR) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)
#define MPS_PF_FRI3LL
#define MPS_PF_STRING "fri3ll"
#elif defined(MPS_OS_XC) && defined(MPS_ARCH_A6) && defined(MPS_BUILD_LL)
#define MPS_PF_XCA6LL
#define MPS_PF_STRING "xca6ll"
#elif defined(MPS_OS_XC) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_XCI6LL
#define MPS_PF_STRING "xci6ll"
#elif defined(MPS_OS_XC) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_XCI6GC
#define MPS_PF_STRING "xci6gc"
#elif defined(MPS_OS_XC) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)
#define MPS_PF_XCI3LL
#define MPS_PF_STRING "xci3ll"
#elif defined(MPS_OS_XC) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_XCI3GC
#define MPS_PF_STRING "xci3gc"
#elif defined(MPS_OS_W3) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_MV)
#define MPS_PF_W3I6MV
#define MPS_PF_STRING "w3i6mv"
#elif defined(MPS_OS_W3) && defined(MPS_ARCH_I6) && defined(MPS_BUILD_PC)
#define MPS_PF_W3I6PC
#define MPS_PF_STRING "w3i6pc"
#elif defined(MPS_OS_W3) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_MV)
#define MPS_PF_W3I3MV
#define MPS_PF_STRING "w3i3mv"
#elif defined(MPS_OS_W3) && defined(MPS_ARCH_I3) && defined(MPS_BUILD_PC)
#define MPS_PF_W3I3PC
#define MPS_PF_STRING "w3i3pc"
#else
#error "this platform is not known"
#endif

/* On Windows blocks are aligned for any type of C, elsewhere for words. */
#ifdef MPS_ARCH_I3
#define MPS_WORD_WIDTH 32
#define MPS_WORD_SHIFT 5
#else
#define MPS_WORD_WIDTH 64
#define MPS_WORD_SHIFT 6
#endif

#if defined(MPS_OS_W3) && MPS_WORD_WIDTH == 64
#define MPS_T_WORD unsigned __int64
#define MPS_PF_ALIGN 16
#elif defined(MPS_OS_W3) || MPS_WORD_WIDTH == 64
#define MPS_T_WORD unsigned long
#define MPS_PF_ALIGN 8
#else
#define MPS_T_WORD unsigned long
#define MPS_PF_ALIGN 4
#endif
#define MPS_T_ULONGEST MPS_T_WORD

/* A build may say which platform it means.  Here its length is compared, in
 * the library the rest. */
#ifdef CONFIG_PF_STRING
typedef char
    _mps_pf_check[sizeof CONFIG_PF_STRING == sizeof MPS_PF_STRING ? 1 : -1];
#endif

#endif /* mpstd_h */
