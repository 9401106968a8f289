/* A plugin of the server's pppd: the inner address of a client comes from the twin (lab/twin/rras/ppp_addresses.py), which alone knows what
   is free. It is asked when the user has been let in and PPP's network phase begins (PLUGINS of pppd: NF_PHASE_CHANGE, ip_choose_hook).

   The answer is four bytes, in the network's order, over the Unix socket below; the connection stays open as long as this pppd lives, so its
   end tells the twin that the address is free. No answer, or 0.0.0.0: there is none. IPCP is then not offered, as by a pppd with the option
   noip: the client's requests are rejected, and the link ends.

   Needs no header, so that gcc alone is enough: what it uses of pppd 2.5 is declared here, and pppd takes plugins of its own version only. */

enum { AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = 02000000 };
enum { NF_PHASE_CHANGE = 1, PHASE_NETWORK = 7 };

struct address { unsigned short family; char path[108]; };
struct protocol {                       /* pppd's struct protent, as far as its flag */
    unsigned short number;
    void (*functions[9])(void);
    _Bool enabled;
};

extern struct protocol ipcp_protent;
extern void (*ip_choose_hook)(unsigned int *);
extern void ppp_add_notify(int, void (*)(void *, int), void *);
extern int socket(int, int, int), connect(int, const void *, unsigned int);
extern long read(int, void *, unsigned long);

const char pppd_version[] = "2.5.2";
static const struct address twin = { AF_UNIX, "/run/lab/l2tp/addresses" };
static unsigned int chosen;

static void ask(void *context, int phase)
{
    unsigned int answer = 0;
    (void)context;
    if (phase != PHASE_NETWORK || chosen)
        return;
    int asking = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (asking >= 0 && !connect(asking, &twin, sizeof twin) && read(asking, &answer, sizeof answer) == sizeof answer)
        chosen = answer;
    ipcp_protent.enabled = chosen != 0;
}

static void choose(unsigned int *address)
{
    *address = chosen;
}

void plugin_init(void)
{
    ppp_add_notify(NF_PHASE_CHANGE, ask, 0);
    ip_choose_hook = choose;
}
