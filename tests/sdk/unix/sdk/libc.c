/* The C library of the SDK: what compilers call, and one function to be found. */
#include <stddef.h>
#include "answer.h"

int answer(void)
{
    return 42;
}

void *memcpy(void *to, const void *from, size_t size)
{
    for (size_t n = 0; n < size; n++)
        ((char *)to)[n] = ((const char *)from)[n];
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if (to < from)
        return memcpy(to, from, size);
    while (size-- > 0)
        ((char *)to)[size] = ((const char *)from)[size];
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    for (size_t n = 0; n < size; n++)
        ((char *)to)[n] = (char)byte;
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    for (size_t n = 0; n < size; n++) {
        int by = ((const unsigned char *)one)[n] - ((const unsigned char *)other)[n];
        if (by != 0)
            return by;
    }
    return 0;
}

int bcmp(const void *one, const void *other, size_t size)
{
    return memcmp(one, other, size);
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != 0)
        length++;
    return length;
}
