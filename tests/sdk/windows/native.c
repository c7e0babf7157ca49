/* Without a header: the directory in place of Microsoft's SDK has none. */
#if !defined(_MSC_VER) || !defined(__clang__)
#error "this is not clang-cl"
#endif

int native_answer(void)
{
    return 42;
}
