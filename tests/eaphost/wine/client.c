/* A caller of the EAP host in another process: the lines of its Linux face (docs/eaphost.md), carried out through a proxy of eaphost.idl.
   "ok ..." or "error 0xHRESULT". What comes back is freed as COM has it: by CoTaskMemFree. */
#define COBJMACROS
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#include <unknwn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eaphost.h"

static const CLSID CLASS = {0x8B4B437E, 0x4CAB, 0x4E83, {0x89, 0xF6, 0x7F, 0x9F, 0x7D, 0xF4, 0x14, 0xEA}};
enum { LINE = 70000, WORDS = 6, MOST = 64 };
static const char *ACTIONS[] = {"Discard", "Send", "Result", "Respond", "Authenticate", "HandleIdentity"};
static const char *TIMEOUTS[] = {"None", "Basic", "Interactive"};

static IEapHostAuthenticatorSessionApis *host;
static unsigned char octets[MOST][LINE / 2];
static EapAttributeLayout attribute[MOST];
static EapAttributesLayout attributes;
static MethodDataLayout method[MOST];
static MethodDataArrayLayout offered;
static WCHAR name[1025];

static unsigned long unhex(const char *word, unsigned char *to)
{
    unsigned long length = 0;
    unsigned value;
    if (!strcmp(word, "-")) return 0;
    for (; sscanf(word, "%2x", &value) == 1; word += 2) to[length++] = (unsigned char)value;
    return length;
}

static void hex(const unsigned char *from, unsigned long length)
{
    if (!length) printf("-");
    for (unsigned long i = 0; i < length; i++) printf("%02x", from[i]);
}

static EapAttributesLayout *read_attributes(char *word)
{
    attributes.count = 0;
    attributes.first = attribute;
    if (strcmp(word, "-"))
        for (char *one = strtok(word, ","); one; one = strtok(NULL, ",")) {
            unsigned long i = attributes.count++;
            attribute[i].type = strtoul(one, NULL, 10);
            attribute[i].value = octets[i];
            attribute[i].length = unhex(strchr(one, ':') + 1, octets[i]);
        }
    return &attributes;
}

static void show_attributes(EapAttributesLayout *shown)
{
    if (!shown || !shown->count) printf("-");
    for (unsigned long i = 0; shown && i < shown->count; i++) {
        printf("%s%lu:", i ? "," : "", (unsigned long)shown->first[i].type);
        for (unsigned long j = 0; j < shown->first[i].length; j++) printf("%02x", shown->first[i].value[j]);
        CoTaskMemFree(shown->first[i].value);
    }
    if (shown) CoTaskMemFree(shown->first);
}

static MethodDataArrayLayout *read_methods(char *word)
{
    offered.count = 0;
    offered.first = method;
    for (char *one = strtok(word, ","); one; one = strtok(NULL, ",")) method[offered.count++].type.type = (byte)atoi(one);
    return &offered;
}

static WCHAR *read_name(const char *word)
{
    unsigned long length = unhex(word, octets[0]);
    for (unsigned long i = 0; i < length && i < 1024; i++) name[i] = octets[0][i];
    name[length] = 0;
    return length ? name : NULL;
}

/* The verb's HRESULT, else whether EAP_ERROR came back empty, then what the rest prints. */
#define CALL(call, ...) do { \
    HRESULT result = (call); \
    if (result != S_OK) printf("error 0x%08lx", (unsigned long)result); \
    else if (error) printf("error an EAP_ERROR came"); \
    else { printf("ok"); __VA_ARGS__ } \
} while (0)

static void answer(char *words[], int count)
{
    EapErrorLayout *error = (EapErrorLayout *)1;
    unsigned long session = count > 1 ? strtoul(words[1], NULL, 10) : 0, a = 0xcccccccc, length = 0, timeout = 0xcccccccc;
    unsigned char *packet = NULL;
    if (!strcmp(words[0], "BeginSession"))
        CALL(IEapHostAuthenticatorSessionApis_BeginSession(host, 0, read_methods(words[1]), NULL, strtoul(words[2], NULL, 10), read_name(words[3]), &a, &error), printf(" %lu", a););
    else if (!strcmp(words[0], "UpdateInnerMethodParams"))
        CALL(IEapHostAuthenticatorSessionApis_UpdateInnerMethodParams(host, session, 0, NULL, NULL, &error),);
    else if (!strcmp(words[0], "IsReplay")) {
        length = unhex(words[2], octets[0]);
        CALL(IEapHostAuthenticatorSessionApis_IsReplay(host, session, length, octets[0], &a, &error), printf(" %lu", a););
    } else if (!strcmp(words[0], "ReceivePacket")) {
        length = unhex(words[2], octets[0]);
        CALL(IEapHostAuthenticatorSessionApis_ReceivePacket(host, session, length, octets[0], &a, &error), printf(" %s", a < 6 ? ACTIONS[a] : "?"););
    } else if (!strcmp(words[0], "SendPacket"))
        CALL(IEapHostAuthenticatorSessionApis_SendPacket(host, session, &length, &packet, &timeout, &error),
            printf(" "); hex(packet, length); printf(" %s", timeout < 3 ? TIMEOUTS[timeout] : "?"); CoTaskMemFree(packet););
    else if (!strcmp(words[0], "GetAttributes")) {
        EapAttributesLayout got = {0};
        CALL(IEapHostAuthenticatorSessionApis_GetAttributes(host, session, &got, &error), printf(" "); show_attributes(&got););
    } else if (!strcmp(words[0], "SetAttributes"))
        CALL(IEapHostAuthenticatorSessionApis_SetAttributes(host, session, read_attributes(words[2]), &a, &error), printf(" %s", a < 6 ? ACTIONS[a] : "?"););
    else if (!strcmp(words[0], "SetAuthenticateResult"))
        CALL(IEapHostAuthenticatorSessionApis_SetAuthenticateResult(host, session, strtoul(words[2], NULL, 10), read_attributes(words[3]), &a, &error),
            printf(" %s", a < 6 ? ACTIONS[a] : "?"););
    else if (!strcmp(words[0], "GetResult")) {
        EapResultLayout got = {0};
        CALL(IEapHostAuthenticatorSessionApis_GetResult(host, session, &got, &error),
            printf(" %ld %lu 26 ", (long)got.isSuccess, (unsigned long)got.failureReason); show_attributes(got.attributes); CoTaskMemFree(got.attributes););
    } else if (!strcmp(words[0], "GetFinalPacket"))
        CALL(IEapHostAuthenticatorSessionApis_GetFinalPacket(host, session, atoi(words[2]), &length, &packet, &error), printf(" "); hex(packet, length); CoTaskMemFree(packet););
    else if (!strcmp(words[0], "EndSession")) CALL(IEapHostAuthenticatorSessionApis_EndSession(host, session, &error),);
    else printf("error input there is no such verb");
}

int main(void)
{
    static char line[LINE];
    HRESULT result = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    _setmode(_fileno(stdout), _O_BINARY);
    setvbuf(stdout, NULL, _IOFBF, 1 << 18);
    if (SUCCEEDED(result)) result = CoCreateInstance(&CLASS, NULL, CLSCTX_LOCAL_SERVER, &IID_IEapHostAuthenticatorSessionApis, (void **)&host);
    if (FAILED(result)) {
        printf("CoCreateInstance: 0x%08lx\n", (unsigned long)result);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        char *words[WORDS], *rest = line;
        int count = 0;
        line[strcspn(line, "\r\n")] = 0;
        while (count < WORDS && rest) {
            char *space = strchr(rest, ' ');
            words[count++] = rest;
            if (space) *space++ = 0;
            rest = space;
        }
        answer(words, count);
        printf("\n");
        fflush(stdout);
    }
    IEapHostAuthenticatorSessionApis_Release(host);
    CoUninitialize();
    return 0;
}
