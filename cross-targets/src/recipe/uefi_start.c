/* Starts a program of UEFI's, and ends the machine with its status. Made by cross-targets.

   The firmware starts this program. It gives the other one its arguments, and consoles that are two
   channels to the machine's owner: one for each stream, without the escapes of a terminal. */
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
typedef __SIZE_TYPE__ word;

enum { OUT, ERR, STATUS };
enum { CRASHED = 139, FAILED = 125 };

#if defined(__aarch64__)
static word handles[3];

static word call(word operation, const void *argument) {
    register word x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;
    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}
static void begin(void) {
    static const char names[3][10] = {"/dev/fd/3", "/dev/fd/4", "/dev/fd/5"};
    for (int n = OUT; n <= STATUS; n++) {
        word open[3] = {(word)names[n], 8, 9};
        handles[n] = call(0x01, open);
    }
}
static void put(int channel, u8 byte) {
    word write[3] = {handles[channel], (word)&byte, 1};
    call(0x05, write);
}
static void end(void) {
    word exit[2] = {0x20026, 0};
    call(0x18, exit);
}
enum { FIRST_EXCEPTION = 0, LAST_EXCEPTION = 0 };
#else
static void out(u16 port, u8 byte) { __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port)); }
static void begin(void) {}
static void put(int channel, u8 byte) { out(0xe9 + channel, byte); }
static void end(void) { out(0xf4, 0); }
enum { FIRST_EXCEPTION = 0, LAST_EXCEPTION = 19 };
#endif

static void number(int channel, word value) {
    if (value > 9) number(channel, value / 10);
    put(channel, '0' + value % 10);
}
static void say(const char *text) {
    while (*text) put(ERR, *text++);
}
/* The machine ends with this status. */
static void leave(word status) {
    number(STATUS, status);
    put(STATUS, '\n');
    for (;;) end();
}
static void failed(const char *what, word status) {
    say("cross: the firmware cannot ");
    say(what);
    say(": ");
    number(ERR, status & (~(word)0 >> 1));
    say("\n");
    leave(FAILED);
}

typedef struct { u32 a; u16 b, c; u8 d[8]; } guid;
typedef word (*function)();
typedef struct { u8 header[24]; function functions[44]; } services;
typedef struct Output {
    function reset, output, test, query, mode_set, attribute, clear, position, cursor;
    struct { u32 max, mode, attribute, column, row; u8 is_visible; } *mode;
    int channel;
} output;
typedef struct {
    u8 header[24];
    u16 *vendor;
    u32 revision;
    void *in_handle, *in, *out_handle;
    output *out;
    void *err_handle;
    output *err;
    services *runtime, *boot;
} system_table;
typedef struct {
    u32 revision;
    void *parent;
    system_table *system;
    void *device, *path, *reserved;
    u32 options_size;
    void *options;
} image;
typedef struct File {
    u64 revision;
    word (*open)(struct File *, struct File **, const u16 *, u64, u64);
    function close, delete;
    word (*read)(struct File *, word *, void *);
    function write;
    word (*position)(struct File *, u64 *);
    word (*seek)(struct File *, u64);
} file;

/* The places of functions in the table. */
enum { ALLOCATE = 5, PROTOCOL = 16, LOAD = 22, START = 23, WATCHDOG = 29, LOCATE = 37 };
enum { LOADER_DATA = 2 };

static const guid IMAGE = {0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const guid FILES = {0x964e5b22, 0x6459, 0x11d2, {0x8e, 0x39, 0, 0xa0, 0xc9, 0x69, 0x72, 0x3b}};
static const guid CPU = {0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0, 0x80, 0xc7, 0x3c, 0x88, 0x81}};

static system_table *firmware;

/* UTF-16 becomes UTF-8, and the ends of lines those of Unix. */
static word output_string(output *console, const u16 *text) {
    for (; *text; text++) {
        u32 point = *text;
        if (point == '\r' && text[1] == '\n') continue;
        if (point >> 10 == 0x36 && text[1] >> 10 == 0x37)
            point = 0x10000 + ((point & 0x3ff) << 10) + (*++text & 0x3ff);
        if (point < 0x80) {
            put(console->channel, point);
            continue;
        }
        int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        put(console->channel, (0xff00 >> (more + 1) & 0xff) | point >> 6 * more);
        while (more--) put(console->channel, 0x80 | (point >> 6 * more & 0x3f));
    }
    return 0;
}
static word succeed() { return 0; }
static word query(output *console, word mode, word *columns, word *rows) {
    (void)console, (void)mode;
    *columns = 80, *rows = 25;
    return 0;
}
static void crash(word type) {
    say("cross: the program caused the processor's exception ");
    number(ERR, type);
    say("\n");
    leave(CRASHED);
}

/* A file beside this program. */
static void *contents(file *root, const u16 *name, word *size) {
    file *opened;
    void *memory = 0;
    u64 length = 0;
    word status = root->open(root, &opened, name, 1, 0);
    if (!status) status = opened->seek(opened, ~(u64)0);
    if (!status) status = opened->position(opened, &length);
    if (!status) status = opened->seek(opened, 0);
    *size = length;
    if (!status) status = firmware->boot->functions[ALLOCATE](LOADER_DATA, *size + 2, &memory);
    if (!status) status = opened->read(opened, size, memory);
    if (status) failed("read a file", status);
    return memory;
}

static u16 *end_of_options;
static void add(u32 point) {
    if (point >= 0x10000) {
        *end_of_options++ = 0xd800 | (point - 0x10000) >> 10;
        point = 0xdc00 | (point & 0x3ff);
    }
    *end_of_options++ = point;
}
/* The arguments, each in UTF-8 with a zero at its end, become one text of UTF-16 as UEFI's shell has
   it. Its first word is the program's name. */
static u16 *options_of(const u8 *text, word size) {
    u16 *options;
    word status = firmware->boot->functions[ALLOCATE](LOADER_DATA, 8 * size + 64, &options);
    if (status) failed("give memory", status);
    end_of_options = options;
    for (const char *name = "program.efi "; *name; name++) add(*name);
    for (const u8 *last = text + size; text < last; text++) {
        add('"');
        while (*text) {
            u32 point = *text++;
            if (point == '"' || point == '^') add('^');
            int more = point < 0xc0 ? 0 : point < 0xe0 ? 1 : point < 0xf0 ? 2 : 3;
            if (more) point &= 0x3f >> more;
            for (; more && *text; more--) point = point << 6 | (*text++ & 0x3f);
            add(point);
        }
        add('"');
        add(' ');
    }
    add(0);
    return options;
}

word efi_main(void *self, system_table *table) {
    firmware = table;
    function *boot = table->boot->functions;
    begin();
    static output consoles[2];
    static __typeof__(*consoles[0].mode) mode;
    mode.max = 1;
    for (int n = OUT; n <= ERR; n++)
        consoles[n] = (output){succeed, (function)output_string, succeed, (function)query, succeed,
                               succeed, succeed, succeed, succeed, &mode, n};
    table->out = &consoles[OUT];
    table->err = &consoles[ERR];
    struct { function functions[8]; } *cpu;
    if (!boot[LOCATE](&CPU, (void *)0, &cpu))
        for (word type = FIRST_EXCEPTION; type <= LAST_EXCEPTION; type++)
            cpu->functions[5](cpu, type, crash);
    boot[WATCHDOG]((word)0, (u64)0, (word)0, (void *)0);

    image *own;
    word status = boot[PROTOCOL](self, &IMAGE, &own);
    if (status) failed("say what it started", status);
    struct { u64 revision; function open; } *files;
    status = boot[PROTOCOL](own->device, &FILES, &files);
    if (status) failed("read the disk", status);
    file *root;
    status = files->open(files, &root);
    if (status) failed("open the disk", status);

    word size, options_size;
    void *program = contents(root, u"program.efi", &size);
    u8 *arguments = contents(root, u"arguments", &options_size);
    u16 *options = options_of(arguments, options_size);
    void *handle;
    status = boot[LOAD]((u8)0, self, (void *)0, program, size, &handle);
    if (status) failed("load the program", status);
    image *started;
    status = boot[PROTOCOL](handle, &IMAGE, &started);
    if (status) failed("say what it loaded", status);
    started->device = own->device;
    started->options = options;
    started->options_size = (u8 *)end_of_options - (u8 *)options;
    status = boot[START](handle, (void *)0, (void *)0);
    /* The highest bit is that of an error. */
    int is_error = status >> (8 * sizeof status - 1);
    leave(status && !(status & 0xff) ? 1 : is_error ? 128 | (status & 0x7f) : status & 0xff);
    return 0;
}
