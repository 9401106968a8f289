/* A plugin of the server's pppd: a user whose password is right is refused all the same when Windows would refuse him, with its RAS error on
   the wire: 647, the account is disabled; 649, it has no dial-in permission (RFC 2759, 6). pppd itself knows 691 only. What it checks stays
   pppd's own: the secret from chap-secrets, the response by the digest's own function.

   The file below has a line for each account that may not dial in, "649 name". The message's form is RFC 2759's; R=0: another try is no
   use. Whether Windows checks the password first is inferred; so a wrong one tells nobody that there is such an account.

   Needs no header, so that gcc alone is enough: what it uses of pppd 2.5 is declared here, and pppd takes plugins of its own version only. */

typedef unsigned char octet;
enum { SECRET = 256, LINE = 512, CODE = 4, CHALLENGE = 16 };

struct digest {                         /* pppd's struct chap_digest_type, as far as it is used */
    int code;
    void (*challenge)(octet *);
    int (*verify)(int id, char *name, octet *secret, int length, octet *challenge, octet *response, char *message, int space);
};

extern int (*chap_verify_hook)(char *, char *, int, struct digest *, octet *, octet *, char *, int);
extern int get_secret(int unit, char *client, char *server, char *secret, int *length, int as_server);
extern void notice(const char *, ...), error(const char *, ...);
extern void *fopen(const char *, const char *);
extern char *fgets(char *, int, void *);
extern int fclose(void *), snprintf(char *, unsigned long, const char *, ...), strcmp(const char *, const char *);
extern unsigned long strcspn(const char *, const char *);
extern void explicit_bzero(void *, unsigned long);

const char pppd_version[] = "2.5.2";
static const char refused[] = "/run/lab/l2tp/refused";

/* Put the RAS error with which an account is refused into `code`; return whether it is. Without the file everybody is, without an error. */
static int is_refused(const char *name, char code[CODE])
{
    char line[LINE];
    int found = 0;
    void *file = fopen(refused, "r");
    code[0] = 0;
    if (!file) {
        error("%s cannot be read: nobody is let in", refused);
        return 1;
    }
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        found = line[0] && line[1] && line[2] && line[3] == ' ' && !strcmp(line + CODE, name);
    }
    if (found)
        snprintf(code, CODE, "%.3s", line);
    fclose(file);
    return found;
}

static void fail(char *message, int space, const char *code, const octet *challenge)
{
    char hex[2 * CHALLENGE + 1];
    int place;
    for (place = 0; place < CHALLENGE; place++)
        snprintf(hex + 2 * place, 3, "%02X", challenge[1 + place]);     /* the first octet is its length */
    snprintf(message, (unsigned long)space, "E=%s R=0 C=%s V=3 M=Access denied", code, hex);
}

static int verify(char *name, char *server, int id, struct digest *digest, octet *challenge, octet *response, char *message, int space)
{
    char secret[SECRET], code[CODE];
    int length, right;
    if (!get_secret(0, name, server, secret, &length, 1)) {
        error("No CHAP secret found for authenticating %s", name);
        return 0;
    }
    right = digest->verify(id, name, (octet *)secret, length, challenge, response, message, space);
    explicit_bzero(secret, sizeof secret);
    if (!right || !is_refused(name, code))
        return right;
    notice("%s may not dial in: RAS error %s", name, code);
    if (code[0])
        fail(message, space, code, challenge);
    return 0;
}

void plugin_init(void)
{
    chap_verify_hook = verify;
}
