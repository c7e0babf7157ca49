/* What bindgen reads: a struct whose layout depends on the target, and a header of its libc. */
#include <stddef.h>
#include <stdio.h>

struct described {
    char tag;
    void *pointer;
    size_t length;
};
