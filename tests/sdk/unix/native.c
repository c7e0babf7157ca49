/* Includes the header of the SDK, and calls its C library. */
#include <answer.h>

int ask(void)
{
    return answer();
}
