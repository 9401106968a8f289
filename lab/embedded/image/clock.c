/* The guest's clock, movable from outside: linux.uml is started with this before its libc (LD_PRELOAD).

   linux.uml takes the time from clock_gettime and gettimeofday, and from nothing else. Here both are the machine's plus an offset
   that lies in a file: the supervisor (lab/embedded/uml/clock.py) writes it, and this process can only read it. One 64-bit number,
   nanoseconds, in the machine's order; LAB_CLOCK is the number of the descriptor by which the file was inherited.

   Needs no libc and no header: system calls by hand, so that any gcc builds it and any loader takes it. errno stays as it is:
   linux.uml asks only for clocks that there are. glibc calls a library's constructors with argc, argv and envp. */

typedef long word;
struct moment { word seconds, nanoseconds; };
struct moment_us { word seconds, microseconds; };

enum { WRITE = 1, MMAP = 9, CLOCK_GETTIME = 228, EXIT_GROUP = 231 };
enum { PROT_READ = 1, MAP_SHARED = 1, PAGE = 4096 };
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1 };
static const word SECOND = 1000000000;

static const word none;
static const volatile word *offset = &none;

static word call(word number, word a, word b, word c, word d, word e, word f)
{
    word result;
    register word fourth __asm__("r10") = d;
    register word fifth __asm__("r8") = e;
    register word sixth __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

static _Noreturn void refuse(void)
{
    static const char why[] = "@fail clock: LAB_CLOCK is no descriptor of a readable file\n";
    call(WRITE, 2, (word)why, sizeof why - 1, 0, 0, 0);
    for (;;)
        call(EXIT_GROUP, 125, 0, 0, 0, 0, 0);
}

static const char *value_of(char **environment, const char *name)
{
    for (; environment && *environment; environment++) {
        word i = 0;
        while (name[i] && (*environment)[i] == name[i])
            i++;
        if (!name[i] && (*environment)[i] == '=')
            return *environment + i + 1;
    }
    return 0;
}

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment)
{
    const char *digits = value_of(environment, "LAB_CLOCK");
    word descriptor = 0, page;
    (void)count, (void)arguments;
    if (!digits)
        return;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        descriptor = descriptor * 10 + *digits - '0';
    page = call(MMAP, 0, PAGE, PROT_READ, MAP_SHARED, descriptor, 0);
    if (page < 0 && page > -PAGE)
        refuse();
    offset = (const volatile word *)page;
}

int clock_gettime(int clock, struct moment *time)
{
    word result = call(CLOCK_GETTIME, clock, (word)time, 0, 0, 0, 0);
    if (result)
        return -1;
    if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) {
        word nanoseconds = time->nanoseconds + *offset;
        time->seconds += nanoseconds / SECOND;
        time->nanoseconds = nanoseconds % SECOND;
    }
    return 0;
}

int gettimeofday(struct moment_us *time, void *zone)
{
    struct moment now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->seconds = now.seconds;
    time->microseconds = now.nanoseconds / 1000;
    return 0;
}
