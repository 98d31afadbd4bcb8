/* mpswin.h -- windows.h, wrapped
 *
 * Empty on other systems.
 *
 * Design: .interface.headers (design/interface.rst).
 */

#ifndef mpswin_h
#define mpswin_h

#ifdef _WIN32
#include <windows.h>
#endif

#endif /* mpswin_h */
