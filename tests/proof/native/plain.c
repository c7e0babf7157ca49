/* C without a library: what a processor without an operating system can run too. */
#include <stdint.h>

uint32_t proof_checksum(const uint8_t *bytes, uint32_t length) {
    uint32_t sum = 1;
    for (uint32_t i = 0; i < length; i++)
        sum = (sum << 5 | sum >> 27) ^ bytes[i];
    return sum;
}

/* Floats are passed in other registers where the ABI is the hard one. C on x86_64 without SSE passes
   none. */
#if !defined(__x86_64__) || defined(__SSE__) || defined(_WIN32)
float proof_half(float x) { return x / 2; }
#endif

uint32_t proof_pointer_bits(void) { return 8 * sizeof(void *); }

uint32_t proof_first_byte_of_one(void) {
    const uint32_t one = 1;
    return *(const uint8_t *)&one;
}
