#include "store/people.h"

#include "base/utf8.h"

#define TITLE_MAX 250

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool
store_name_valid(struct str name)
{
	static const struct str marks = { "._-@+", 5 };

	if (name.n == 0 || name.n > 64 || !is_letter(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!is_letter(name.p[i]) &&
		    str_chr(marks, name.p[i]) == marks.n)
			return false;
	return true;
}

static bool
is_line(struct str s, size_t max)
{
	if (s.n > max || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

bool
store_user_name_valid(struct str name)
{
	return name.n > 0 && is_line(name, STORE_NAME_MAX) &&
	       str_eq(name, str_trim(name));
}

bool
store_title_valid(struct str title)
{
	return is_line(title, TITLE_MAX);
}
