// machine.c - a sum of product terms, sum_t c_t (x)_k T_{t,k}, as a state machine along the sites with the fewest states.
//
// At a cut every term joins a left product to a right product. A vertex cover of this bipartite graph is a set of states: a covered left product ("this has been
// formed, the coefficients come later"), or a covered right product ("this remains, coefficients have been applied"). Sites are taken from left to right with the
// states already formed as the left ends, so that the covers of neighbouring cuts fit together and each term is one path:
//
//   Ren, Li, Jiang & Shuai, J. Chem. Phys. 153 (2020) 084118.  Minimal cover from a maximum matching: Koenig's theorem.
//
// The states are minimal for terms whose tables are linearly independent; what linear dependence saves is operator_merge.c's work.
#include "operator.h"
#include <stdlib.h>

#define CANCELLED 1e-12 // a sum this small against its parts is zero

typedef struct {
  PetscInt a, b, index;
} Pair;

static int ComparePairs(const void *x, const void *y)
{
  const Pair *p = x, *q = y;

  if (p->a != q->a) return p->a < q->a ? -1 : 1;
  if (p->b != q->b) return p->b < q->b ? -1 : 1;
  return p->index < q->index ? -1 : 1;
}

PetscErrorCode SnaTtNumberPairs_Private(
  PetscInt count, const PetscInt a[], const PetscInt b[], PetscInt id[], PetscInt *n)
{
  Pair *pair;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)count, &pair));
  for (PetscInt i = 0; i < count; i++) pair[i] = (Pair){a[i], b[i], i};
  if (count > 0) qsort(pair, (size_t)count, sizeof(Pair), ComparePairs);
  *n = 0;
  for (PetscInt i = 0; i < count; i++) {
    if (i == 0 || pair[i].a != pair[i - 1].a || pair[i].b != pair[i - 1].b) (*n)++;
    id[pair[i].index] = *n - 1;
  }
  PetscCall(PetscFree(pair));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtVertexCover_Private(PetscInt nrow, PetscInt ncol, const PetscInt start[], const PetscInt col[],
  PetscBool row_covered[], PetscBool col_covered[])
{
  PetscInt *row_match, *col_match, *parent, *stamp, *queue; // parent[c]: the row from which the search reached column c

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc5((size_t)nrow, &row_match, (size_t)ncol, &col_match, (size_t)ncol, &parent, (size_t)ncol,
    &stamp, (size_t)nrow, &queue));
  for (PetscInt i = 0; i < nrow; i++) row_match[i] = -1;
  for (PetscInt c = 0; c < ncol; c++) col_match[c] = stamp[c] = -1;
  for (PetscInt i = 0; i < nrow; i++) { // breadth-first search for an augmenting path from row i
    PetscInt head = 0, tail = 0, found = -1;

    queue[tail++] = i;
    while (head < tail && found < 0) {
      const PetscInt r = queue[head++];

      for (PetscInt e = start[r]; e < start[r + 1] && found < 0; e++) {
        const PetscInt c = col[e];

        if (stamp[c] == i) continue;
        stamp[c]  = i;
        parent[c] = r;
        if (col_match[c] < 0)
          found = c;
        else
          queue[tail++] = col_match[c];
      }
    }
    if (found < 0) continue;
    for (PetscInt c = found; c >= 0;) {
      const PetscInt r = parent[c], next = row_match[r];

      col_match[c] = r;
      row_match[r] = c;
      c            = next;
    }
  }
  // The cover: rows that no alternating path from an unmatched row reaches, and columns that one does.
  for (PetscInt i = 0; i < nrow; i++) row_covered[i] = (PetscBool)(row_match[i] >= 0);
  for (PetscInt c = 0; c < ncol; c++) col_covered[c] = PETSC_FALSE;
  for (PetscInt i = 0; i < nrow; i++) {
    PetscInt head = 0, tail = 0;

    if (row_match[i] >= 0) continue;
    queue[tail++] = i;
    while (head < tail) {
      const PetscInt r = queue[head++];

      for (PetscInt e = start[r]; e < start[r + 1]; e++) {
        const PetscInt c = col[e];

        if (col_covered[c]) continue;
        col_covered[c]            = PETSC_TRUE;
        row_covered[col_match[c]] = PETSC_FALSE;
        queue[tail++]             = col_match[c];
      }
    }
  }
  PetscCall(PetscFree5(row_match, col_match, parent, stamp, queue));
  PetscFunctionReturn(0);
}

static int CompareTransitions(const void *x, const void *y)
{
  const SnaTtTransition *p = x, *q = y;

  if (p->to != q->to) return p->to < q->to ? -1 : 1;
  if (p->from != q->from) return p->from < q->from ? -1 : 1;
  if (p->table != q->table) return p->table < q->table ? -1 : 1;
  return p->value < q->value ? -1 : p->value > q->value;
}

PetscErrorCode SnaTtMachineTidy_Private(SnaTtMachine *m, PetscInt k)
{
  SnaTtTransition *t = m->trans[k];
  PetscInt         n = 0;

  PetscFunctionBeginUser;
  if (m->ntrans[k] > 0) qsort(t, (size_t)m->ntrans[k], sizeof(SnaTtTransition), CompareTransitions);
  for (PetscInt i = 0, j; i < m->ntrans[k]; i = j) {
    SnaTtTransition sum  = t[i];
    double          size = PetscAbsReal(t[i].value);

    for (j = i + 1; j < m->ntrans[k] && t[j].to == sum.to && t[j].from == sum.from && t[j].table == sum.table; j++) {
      sum.value += t[j].value;
      size += PetscAbsReal(t[j].value);
    }
    if (PetscAbsReal(sum.value) > CANCELLED * size) t[n++] = sum;
  }
  m->ntrans[k] = n;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMachineDestroy_Private(PetscInt nd, SnaTtMachine *m)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < nd; k++) PetscCall(PetscFree(m->trans[k]));
  PetscFunctionReturn(0);
}

// Right products as a graph: product s at cut k is table table[k][s] at site k, followed by product tail[k][s] at cut k+1. Cut nd has the empty one.
typedef struct {
  PetscInt  n[SNA_MAX_DIM + 1];
  PetscInt *table[SNA_MAX_DIM], *tail[SNA_MAX_DIM];
} Suffixes;

// *coefficient: one for each of the different terms, which are the right products at cut 0.
static PetscErrorCode CollectSuffixes(const SnaTtTerms *terms, Suffixes *s, double **coefficient)
{
  const PetscInt nd = terms->nd, nt = terms->nterm;
  PetscInt      *id, *column;
  double        *size;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)nt, &id, (size_t)nt, &column));
  for (PetscInt t = 0; t < nt; t++) id[t] = 0;
  s->n[nd] = PetscMin(nt, 1);
  for (PetscInt k = nd - 1; k >= 0; k--) {
    PetscInt *tail;

    PetscCall(PetscMalloc1((size_t)nt, &tail));
    for (PetscInt t = 0; t < nt; t++) {
      column[t] = terms->table[t * nd + k];
      tail[t]   = id[t];
    }
    PetscCall(SnaTtNumberPairs_Private(nt, column, tail, id, &s->n[k]));
    PetscCall(PetscMalloc2((size_t)s->n[k], &s->table[k], (size_t)s->n[k], &s->tail[k]));
    for (PetscInt t = 0; t < nt; t++) {
      s->table[k][id[t]] = column[t];
      s->tail[k][id[t]]  = tail[t];
    }
    PetscCall(PetscFree(tail));
  }
  PetscCall(PetscCalloc1((size_t)s->n[0], coefficient));
  PetscCall(PetscCalloc1((size_t)s->n[0], &size));
  for (PetscInt t = 0; t < nt; t++) {
    (*coefficient)[id[t]] += terms->coefficient[t];
    size[id[t]] += PetscAbsReal(terms->coefficient[t]);
  }
  for (PetscInt i = 0; i < s->n[0]; i++) {
    if (PetscAbsReal((*coefficient)[i]) <= CANCELLED * size[i]) (*coefficient)[i] = 0;
  }
  PetscCall(PetscFree(size));
  PetscCall(PetscFree2(id, column));
  PetscFunctionReturn(0);
}

// What is still to be represented at a cut: value * (products that end in `state`) (x) (right product table, then tail).
typedef struct {
  PetscInt state, table, tail;
  double   value;
} Edge;

static int CompareEdges(const void *x, const void *y)
{
  const Edge *p = x, *q = y;

  if (p->state != q->state) return p->state < q->state ? -1 : 1;
  if (p->table != q->table) return p->table < q->table ? -1 : 1;
  return p->tail < q->tail ? -1 : p->tail > q->tail;
}

// Site k of the machine: rows are pairs (state, table), columns the right products after the site. Replaces the edges before site k by those after it.
static PetscErrorCode AddSite(
  const Suffixes *s, PetscInt nd, PetscInt k, PetscInt *count, Edge **edges, SnaTtMachine *m)
{
  const PetscInt ncol = s->n[k + 1], n = *count;
  Edge          *edge = *edges, *after;
  PetscInt       nrow = 0, left = 0, size = 0, *start, *col, *row_state, *col_state;
  PetscBool     *row_covered, *col_covered;

  PetscFunctionBeginUser;
  if (n > 0) qsort(edge, (size_t)n, sizeof(Edge), CompareEdges);
  PetscCall(PetscMalloc3((size_t)n + 1, &start, (size_t)n, &row_state, (size_t)n, &row_covered));
  PetscCall(PetscMalloc3((size_t)n, &col, (size_t)ncol, &col_state, (size_t)ncol, &col_covered));
  for (PetscInt e = 0; e < n; e++) {
    if (e == 0 || edge[e].state != edge[e - 1].state || edge[e].table != edge[e - 1].table) start[nrow++] = e;
    col[e] = edge[e].tail;
  }
  start[nrow] = n;
  if (k < nd - 1) {
    PetscCall(SnaTtVertexCover_Private(nrow, ncol, start, col, row_covered, col_covered));
  } else { // the one state at the end is "nothing remains"
    for (PetscInt i = 0; i < nrow; i++) row_covered[i] = PETSC_FALSE;
    for (PetscInt c = 0; c < ncol; c++) col_covered[c] = PETSC_TRUE;
  }
  for (PetscInt i = 0; i < nrow; i++) row_state[i] = row_covered[i] ? size++ : -1;
  for (PetscInt c = 0; c < ncol; c++) col_state[c] = col_covered[c] ? size++ : -1;
  m->nstate[k + 1] = k < nd - 1 ? size : 1;

  PetscCall(PetscMalloc1((size_t)n, &m->trans[k]));
  PetscCall(PetscMalloc1((size_t)n + (size_t)ncol, &after));
  for (PetscInt i = 0; i < nrow; i++) {
    const Edge *first = &edge[start[i]];

    if (row_covered[i]) m->trans[k][m->ntrans[k]++] = (SnaTtTransition){first->state, row_state[i], first->table, 1};
    for (PetscInt e = start[i]; e < start[i + 1]; e++) {
      if (row_covered[i])
        after[left++] = (Edge){.state = row_state[i], .tail = col[e], .value = edge[e].value};
      else
        m->trans[k][m->ntrans[k]++] = (SnaTtTransition){first->state, col_state[col[e]], first->table, edge[e].value};
    }
  }
  for (PetscInt c = 0; c < ncol; c++)
    if (col_covered[c]) after[left++] = (Edge){.state = col_state[c], .tail = c, .value = 1};
  for (PetscInt e = 0; e < left && k < nd - 1; e++) {
    after[e].table = s->table[k + 1][after[e].tail];
    after[e].tail  = s->tail[k + 1][after[e].tail];
  }
  PetscCall(SnaTtMachineTidy_Private(m, k));
  PetscCall(PetscFree(*edges));
  *edges = after;
  *count = left;
  PetscCall(PetscFree3(start, row_state, row_covered));
  PetscCall(PetscFree3(col, col_state, col_covered));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtMachineCreate_Private(const SnaTtTerms *terms, SnaTtMachine *m)
{
  const PetscInt nd = terms->nd;
  Suffixes       s  = {.n = {0}};
  double        *coefficient;
  Edge          *edge;
  PetscInt       count = 0;

  PetscFunctionBeginUser;
  *m           = (SnaTtMachine){.nstate = {0}};
  m->nstate[0] = 1;
  PetscCall(CollectSuffixes(terms, &s, &coefficient));
  PetscCall(PetscMalloc1((size_t)s.n[0], &edge));
  for (PetscInt i = 0; i < s.n[0]; i++)
    if (coefficient[i] != 0) edge[count++] = (Edge){0, s.table[0][i], s.tail[0][i], coefficient[i]};
  for (PetscInt k = 0; k < nd; k++) PetscCall(AddSite(&s, nd, k, &count, &edge, m));
  PetscCall(PetscFree(edge));
  PetscCall(PetscFree(coefficient));
  for (PetscInt k = 0; k < nd; k++) PetscCall(PetscFree2(s.table[k], s.tail[k]));
  PetscFunctionReturn(0);
}
