dnl The checks of configure.ac, one macro per subject.

AC_DEFUN([LLMGW_LIBRARIES], [
PKG_CHECK_MODULES([UV], [libuv >= 1.44])
PKG_CHECK_MODULES([CURL], [libcurl >= 7.88])
PKG_CHECK_MODULES([JANSSON], [jansson >= 2.14])
PKG_CHECK_MODULES([YAML], [yaml-0.1 >= 0.2.5])
PKG_CHECK_MODULES([SODIUM], [libsodium >= 1.0.18])
PKG_CHECK_MODULES([SQLITE], [sqlite3 >= 3.40])
PKG_CHECK_MODULES([MARIADB], [libmariadb >= 3.3])
PKG_CHECK_MODULES([MEMCACHED], [libmemcached >= 1.1])
PKG_CHECK_MODULES([CRYPTO], [libcrypto >= 3.0])
AC_CHECK_HEADER([fcgiapp.h], [],
	[AC_MSG_ERROR([fcgiapp.h not found: install libfcgi-dev])])
AC_CHECK_LIB([fcgi], [FCGX_Accept_r], [FCGI_LIBS=-lfcgi],
	[AC_MSG_ERROR([libfcgi not found: install libfcgi-dev])])
AC_SUBST([FCGI_LIBS])
PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1.5], [have_cmocka=yes],
	[have_cmocka=no])
AM_CONDITIONAL([HAVE_CMOCKA], [test "$have_cmocka" = yes])
])

AC_DEFUN([LLMGW_FEATURES], [
AC_ARG_ENABLE([faults], [AS_HELP_STRING([--enable-faults],
	[compile in fault points (tests only, never in a package)])])
AS_IF([test "x$enable_faults" = xyes],
	[AC_DEFINE([WITH_FAULTS], [1], [Fault points are compiled in])])
AC_ARG_ENABLE([fuzzers], [AS_HELP_STRING([--enable-fuzzers],
	[build the fuzz targets for libFuzzer (needs clang)])])
AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
])

AC_DEFUN([LLMGW_WARNINGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror],
	[treat warnings as errors (CI)])])
WARN_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes \
-Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
-Wwrite-strings -Wformat=2 -Wvla -Wundef -Wnull-dereference \
-Wimplicit-fallthrough -Wcast-qual"
AS_IF([test "x$enable_werror" = xyes],
	[WARN_CFLAGS="$WARN_CFLAGS -Werror"])
AC_SUBST([WARN_CFLAGS])
])

dnl Flags that dpkg-buildflags leaves out are added as well.
AC_DEFUN([LLMGW_HARDENING], [
AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
	[leave the hardening flags to the packager])])
AS_IF([test "x$enable_hardening" != xno], [
	HARDEN_CFLAGS="-fstack-protector-strong -fstack-clash-protection -fPIE"
	saved_CFLAGS=$CFLAGS
	for flag in -fcf-protection=full -ftrivial-auto-var-init=zero; do
		CFLAGS="$saved_CFLAGS $flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[HARDEN_CFLAGS="$HARDEN_CFLAGS $flag"])
	done
	CFLAGS=$saved_CFLAGS
	HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
	HARDEN_LDFLAGS="-pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed"
])
])

dnl _FORTIFY_SOURCE hides overflows from ASan, so it goes when ASan comes.
AC_DEFUN([LLMGW_SANITIZERS], [
AC_ARG_WITH([sanitizers], [AS_HELP_STRING([--with-sanitizers],
	[build with AddressSanitizer and UndefinedBehaviorSanitizer])])
AS_IF([test "x$with_sanitizers" = xyes], [
	SANITIZE_FLAGS="-fsanitize=address,undefined \
-fno-sanitize-recover=undefined -fno-omit-frame-pointer"
	HARDEN_CPPFLAGS=
])
AS_IF([test "x$enable_fuzzers" = xyes], [
	SANITIZE_FLAGS="-fsanitize=fuzzer-no-link,address,undefined \
-fno-sanitize-recover=undefined -fno-omit-frame-pointer"
	HARDEN_CPPFLAGS=
	saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZE_FLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()], [],
		[AC_MSG_ERROR([--enable-fuzzers needs CC=clang])])
	CFLAGS=$saved_CFLAGS
	FUZZ_LIBS=-fsanitize=fuzzer
])
AC_SUBST([FUZZ_LIBS])
AC_SUBST([HARDEN_CPPFLAGS])
AC_SUBST([HARDEN_CFLAGS])
AC_SUBST([HARDEN_LDFLAGS])
AC_SUBST([SANITIZE_FLAGS])
])
