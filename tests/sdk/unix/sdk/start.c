/* What programs start with. */
int main(int, char **);

void _start(void)
{
    main(0, 0);
    for (;;)
        ;
}
