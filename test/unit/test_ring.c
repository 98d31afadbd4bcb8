/* test_ring.c -- rings against arrays
 *
 * A few rings share their members.  Each ring is an array in the model,
 * and after each step both must have the same members in the same order,
 * forwards and backwards.
 */

#include "base/ring.h"
#include "unit.h"

#include <string.h>

enum {
  RINGS = 3,
  MEMBERS = 12
};

typedef struct Member {
  int before; /* so that the link isn't first */
  Ring link;
  int name;
} Member;

static Ring ring[RINGS];
static Member member[MEMBERS];
static Index in[RINGS][MEMBERS];
static Count count[RINGS];

static void start(void)
{
  memset(count, 0, sizeof count);
  for (Index i = 0; i < RINGS; ++i)
    ring_init(&ring[i]);
  for (Index i = 0; i < MEMBERS; ++i) {
    member[i].name = (int)i;
    ring_init(&member[i].link);
  }
}

static void check_ring(Index r)
{
  Index n = 0;
  const Ring *back = ring[r].prev;

  EXPECT(ring_check(&ring[r]));
  EXPECT(ring_is_single(&ring[r]) == (count[r] == 0));
  EXPECT(ring_length(&ring[r]) == count[r]);
  RING_FOR (node, after, &ring[r]) {
    EXPECT(n < count[r]);
    EXPECT(ring_check(node));
    EXPECT(RING_ELEM(Member, link, node) == &member[in[r][n]]);
    EXPECT(RING_ELEM(Member, link, node)->name == (int)in[r][n]);
    ++n;
  }
  EXPECT(n == count[r]);
  for (; n > 0; back = back->prev)
    EXPECT(back == &member[in[r][--n]].link);
  EXPECT(back == &ring[r]);
}

static void append(Index r, Index m)
{
  ring_append(&ring[r], &member[m].link);
  in[r][count[r]++] = m;
}

static bool find(Index *ring_out, Index *place_out, Index m)
{
  for (Index r = 0; r < RINGS; ++r)
    for (Index n = 0; n < count[r]; ++n)
      if (in[r][n] == m) {
        *ring_out = r;
        *place_out = n;
        return true;
      }
  return false;
}

static void remove_at(Index r, Index n)
{
  Index m = in[r][n];

  ring_remove(&member[m].link);
  memmove(&in[r][n], &in[r][n + 1], (count[r] - n - 1) * sizeof in[r][0]);
  --count[r];
  EXPECT(ring_is_single(&member[m].link));
  ring_remove(&member[m].link); /* from nowhere, which is legal */
  EXPECT(ring_is_single(&member[m].link));
}

static void splice(Index to, Index from)
{
  ring_splice(&ring[to], &ring[from]);
  memcpy(&in[to][count[to]], in[from], count[from] * sizeof in[from][0]);
  count[to] += count[from];
  count[from] = 0;
}

/* .base.ring */
START_TEST(test_random)
{
  unit_seed("random");
  start();
  for (Index i = 0; i < 50000; ++i) {
    Index m = unit_random(MEMBERS);
    Index to = unit_random(RINGS);
    Index r;
    Index n;

    if (unit_random(8) == 0)
      splice(to, (to + 1) % RINGS);
    else if (find(&r, &n, m))
      remove_at(r, n);
    else
      append(to, m);
    for (r = 0; r < RINGS; ++r)
      check_ring(r);
  }
}
END_TEST

/* RING_FOR allows its body to remove the member that it is at: for each set
 * of members that go, the others stay in order. */
START_TEST(test_remove_while_visiting)
{
  for (unsigned goes = 0; goes < 1u << 6; ++goes) {
    Index visited = 0;

    start();
    for (Index m = 0; m < 6; ++m)
      append(0, m);
    RING_FOR (node, after, &ring[0]) {
      EXPECT(RING_ELEM(Member, link, node) == &member[visited]);
      if ((goes >> visited & 1) != 0) {
        Index r;
        Index n;

        EXPECT(find(&r, &n, visited));
        remove_at(r, n);
      }
      ++visited;
    }
    EXPECT(visited == 6);
    check_ring(0);
  }
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("ring");

  unit_add(suite, "random", test_random);
  unit_add(suite, "visit", test_remove_while_visiting);
  return unit_run(suite);
}
