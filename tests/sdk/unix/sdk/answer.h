/* The header of the SDK. */
int answer(void);
