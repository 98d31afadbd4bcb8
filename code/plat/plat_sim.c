/* plat_sim.c -- memory that fails and time that passes as a test says
 *
 * The real functions are included under other names and do the work, so
 * that what is simulated is only what the test asks for.
 *
 * Design: .plat.sim (design/plat.rst).
 */

#include "plat_sim.h"
#include "plat_os.h"

#include <string.h>
#include <sys/mman.h>

static Res real_vm_reserve(Addr *base_out, Size size, Size align);
static Res real_vm_reserve_table(Addr *base_out, Size size);
static void real_vm_release(Addr base, Size size);
static Res real_vm_map(Addr base, Size size);
static void real_vm_unmap(Addr base, Size size);
static void real_vm_purge(Addr base, Size size);
static void real_vm_populate(Addr base, Size size);
static bool real_vm_protect(Addr base, Size size, PlatAccess access);
static bool real_track_start(Addr base, Size size);
static bool real_track_arm(Addr base, Size size);
static bool real_track_list(PlatRange *ranges, Count *count_out,
                            Addr *from_out, Count max, Addr base, Addr limit);

#define plat_vm_reserve real_vm_reserve
#define plat_vm_reserve_table real_vm_reserve_table
#define plat_vm_release real_vm_release
#define plat_vm_map real_vm_map
#define plat_vm_unmap real_vm_unmap
#define plat_vm_purge real_vm_purge
#define plat_vm_populate real_vm_populate
#define plat_vm_protect real_vm_protect
#define plat_track_start real_track_start
#define plat_track_arm real_track_arm
#define plat_track_list real_track_list
#include "plat_track.c"
#include "plat_vm_posix.c"
#undef plat_vm_reserve
#undef plat_vm_reserve_table
#undef plat_vm_release
#undef plat_vm_map
#undef plat_vm_unmap
#undef plat_vm_purge
#undef plat_vm_populate
#undef plat_vm_protect
#undef plat_track_start
#undef plat_track_arm
#undef plat_track_list

PlatSim plat_sim;

/* The calls that are still to pass, and to be refused after that. */
static struct {
  Count pass[PLAT_SIM_CALLS];
  Count refuse[PLAT_SIM_CALLS];
} sim_script;

/* The calls come from several threads and from the fault handler. */
static PlatLock sim_lock = PLAT_LOCK_INIT;


/* The script */

void plat_sim_reset(void)
{
  plat_lock_claim(&sim_lock);
  (void)memset(&sim_script, 0, sizeof sim_script);
  (void)memset(plat_sim.calls, 0, sizeof plat_sim.calls);
  plat_sim.refused = 0;
  plat_sim.now = 0;
  plat_sim.tick = 0;
  plat_sim.has_tracking = false;
  plat_sim.mapped_max = plat_sim.mapped;
  plat_lock_release(&sim_lock);
}

void plat_sim_fail(PlatSimCall call, Count k, Count count)
{
  ASSERT(call == PLAT_SIM_RESERVE || call == PLAT_SIM_RESERVE_TABLE
         || call == PLAT_SIM_MAP || call == PLAT_SIM_FORBID
         || call == PLAT_SIM_ALLOW || call == PLAT_SIM_TRACK
         || call == PLAT_SIM_ARM || call == PLAT_SIM_LIST);
  plat_lock_claim(&sim_lock);
  sim_script.pass[call] = k == 0 ? 0 : k - 1;
  sim_script.refuse[call] = k == 0 ? 0 : count;
  plat_lock_release(&sim_lock);
}

/* Count a call.  False if it's to be refused. */
static bool sim_may(PlatSimCall call)
{
  ++plat_sim.calls[call];
  if (sim_script.refuse[call] == 0)
    return true;
  if (sim_script.pass[call] > 0) {
    --sim_script.pass[call];
    return true;
  }
  --sim_script.refuse[call];
  ++plat_sim.refused;
  return false;
}


/* What each page of each reservation is */

#define SIM_RESERVATIONS_MAX 256

typedef enum SimPage {
  SIM_PAGE_NONE, /* zero, so that a fresh array says it */
  SIM_PAGE_MAPPED,
  SIM_PAGE_FORBIDDEN
} SimPage;

typedef struct SimReservation {
  Addr base; /* NULL if this entry is free */
  Size size;
  bool is_table;
  uint8_t *page;   /* a SimPage for each page; NULL for tables */
  Size pages_size; /* bytes in that array */
} SimReservation;

static SimReservation sim_reservation[SIM_RESERVATIONS_MAX];

static SimReservation *sim_find(Addr base, Size size)
{
  for (Index i = 0; i < SIM_RESERVATIONS_MAX; ++i) {
    SimReservation *it = &sim_reservation[i];
    if (it->base != NULL && base >= it->base
        && addr_diff(it->base, base) <= it->size
        && size <= it->size - addr_diff(it->base, base))
      return it;
  }
  return NULL;
}

static void sim_enter(Addr base, Size size, bool is_table)
{
  Index i = 0;

  while (i < SIM_RESERVATIONS_MAX && sim_reservation[i].base != NULL)
    ++i;
  ASSERT(i < SIM_RESERVATIONS_MAX);
  SimReservation *it = &sim_reservation[i];
  it->base = base;
  it->size = size;
  it->is_table = is_table;
  it->page = NULL;
  it->pages_size = size / plat_page_size();
  if (!is_table) {
    void *pages = mmap(NULL, it->pages_size, PROT_READ | PROT_WRITE,
                       PLAT_VM_FLAGS, -1, 0);
    ASSERT(pages != MAP_FAILED);
    it->page = pages;
  }
  ++plat_sim.reservations;
  plat_sim.reserved += size;
}

static void sim_leave(SimReservation *it)
{
  --plat_sim.reservations;
  plat_sim.reserved -= it->size;
  if (it->page != NULL)
    (void)munmap(it->page, it->pages_size);
  it->base = NULL;
}

/* Is the range in one reservation of address space, and are all its pages
 * between two states, both in? */
static bool sim_is_between(Addr base, Size size, SimPage least, SimPage most)
{
  const SimReservation *it = sim_find(base, size);

  if (it == NULL || it->page == NULL)
    return false;
  Index first = addr_diff(it->base, base) / plat_page_size();
  for (Index i = first; i < first + size / plat_page_size(); ++i)
    if (it->page[i] < least || it->page[i] > most)
      return false;
  return true;
}

static bool sim_is_table(Addr base, Size size)
{
  const SimReservation *it = sim_find(base, size);

  return it != NULL && it->is_table;
}

static void sim_account(SimPage page, Count sign)
{
  if (page != SIM_PAGE_NONE)
    plat_sim.mapped += sign * plat_page_size();
  if (page == SIM_PAGE_FORBIDDEN)
    plat_sim.forbidden += sign * plat_page_size();
}

static void sim_become(Addr base, Size size, SimPage page)
{
  SimReservation *it = sim_find(base, size);

  ASSERT(it != NULL && it->page != NULL);
  Index first = addr_diff(it->base, base) / plat_page_size();
  for (Index i = first; i < first + size / plat_page_size(); ++i) {
    sim_account((SimPage)it->page[i], (Count)-1);
    sim_account(page, 1);
    it->page[i] = (uint8_t)page;
  }
  plat_sim.mapped_max = size_max(plat_sim.mapped_max, plat_sim.mapped);
}


/* The functions of plat.h */

Res plat_vm_reserve(Addr *base_out, Size size, Size align)
{
  Res res = MPS_RES_RESOURCE;

  plat_lock_claim(&sim_lock);
  if (sim_may(PLAT_SIM_RESERVE))
    res = real_vm_reserve(base_out, size, align);
  if (res == MPS_RES_OK)
    sim_enter(*base_out, size, false);
  plat_lock_release(&sim_lock);
  return res;
}

Res plat_vm_reserve_table(Addr *base_out, Size size)
{
  Res res = MPS_RES_RESOURCE;

  plat_lock_claim(&sim_lock);
  if (sim_may(PLAT_SIM_RESERVE_TABLE))
    res = real_vm_reserve_table(base_out, size);
  if (res == MPS_RES_OK)
    sim_enter(*base_out, size, true);
  plat_lock_release(&sim_lock);
  return res;
}

void plat_vm_release(Addr base, Size size)
{
  plat_lock_claim(&sim_lock);
  SimReservation *it = sim_find(base, size);

  (void)sim_may(PLAT_SIM_RELEASE);
  ASSERT(it != NULL);
  ASSERT(it->base == base && it->size == size);
  if (!it->is_table)
    sim_become(base, size, SIM_PAGE_NONE);
  sim_leave(it);
  real_vm_release(base, size);
  plat_lock_release(&sim_lock);
}

Res plat_vm_map(Addr base, Size size)
{
  Res res = MPS_RES_MEMORY;

  plat_lock_claim(&sim_lock);
  ASSERT(sim_is_between(base, size, SIM_PAGE_NONE, SIM_PAGE_NONE));
  if (sim_may(PLAT_SIM_MAP))
    res = real_vm_map(base, size);
  if (res == MPS_RES_OK)
    sim_become(base, size, SIM_PAGE_MAPPED);
  plat_lock_release(&sim_lock);
  return res;
}

void plat_vm_unmap(Addr base, Size size)
{
  plat_lock_claim(&sim_lock);
  (void)sim_may(PLAT_SIM_UNMAP);
  ASSERT(sim_is_between(base, size, SIM_PAGE_MAPPED, SIM_PAGE_FORBIDDEN));
  real_vm_unmap(base, size);
  sim_become(base, size, SIM_PAGE_NONE);
  plat_lock_release(&sim_lock);
}

void plat_vm_purge(Addr base, Size size)
{
  plat_lock_claim(&sim_lock);
  (void)sim_may(PLAT_SIM_PURGE);
  ASSERT(sim_is_table(base, size)
         || sim_is_between(base, size, SIM_PAGE_MAPPED, SIM_PAGE_MAPPED));
  real_vm_purge(base, size);
  plat_lock_release(&sim_lock);
}

void plat_vm_populate(Addr base, Size size)
{
  plat_lock_claim(&sim_lock);
  (void)sim_may(PLAT_SIM_POPULATE);
  ASSERT(sim_is_between(base, size, SIM_PAGE_MAPPED, SIM_PAGE_MAPPED));
  real_vm_populate(base, size);
  plat_lock_release(&sim_lock);
}

bool plat_vm_protect(Addr base, Size size, PlatAccess access)
{
  bool is_forbidden = access != PLAT_ACCESS_ALL;
  PlatSimCall call = is_forbidden ? PLAT_SIM_FORBID : PLAT_SIM_ALLOW;
  bool is_done;

  plat_lock_claim(&sim_lock);
  ASSERT(sim_is_between(base, size, SIM_PAGE_MAPPED, SIM_PAGE_FORBIDDEN));
  is_done = sim_may(call);

  /* A refusal does the work on the front half (.plat.vm.protect-fails). */
  if (!is_done)
    size = size_round_down(size / 2, plat_page_size());
  if (size != 0 && real_vm_protect(base, size, access))
    sim_become(base, size,
               is_forbidden ? SIM_PAGE_FORBIDDEN : SIM_PAGE_MAPPED);
  else
    is_done = false;
  plat_lock_release(&sim_lock);
  return is_done;
}

Seconds plat_clock_now(void)
{
  Seconds seconds;

  plat_lock_claim(&sim_lock);
  (void)sim_may(PLAT_SIM_CLOCK);
  seconds.s = plat_sim.now;
  plat_sim.now += plat_sim.tick;
  plat_lock_release(&sim_lock);
  return seconds;
}

Seconds plat_clock_cpu(void)
{
  return plat_clock_now();
}


/* Dirty tracking: there is none unless the test says so. */

bool plat_track_start(Addr base, Size size)
{
  bool may;

  plat_lock_claim(&sim_lock);
  may = sim_may(PLAT_SIM_TRACK) && plat_sim.has_tracking;
  plat_lock_release(&sim_lock);
  return may && real_track_start(base, size);
}

bool plat_track_arm(Addr base, Size size)
{
  bool may;

  plat_lock_claim(&sim_lock);
  may = sim_may(PLAT_SIM_ARM);
  plat_lock_release(&sim_lock);
  return may && real_track_arm(base, size);
}

bool plat_track_list(PlatRange *ranges, Count *count_out, Addr *from_out,
                     Count max, Addr base, Addr limit)
{
  bool may;

  plat_lock_claim(&sim_lock);
  may = sim_may(PLAT_SIM_LIST);
  plat_lock_release(&sim_lock);
  return may && real_track_list(ranges, count_out, from_out, max, base, limit);
}
