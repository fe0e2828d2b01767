// local.c - one local problem of a tensor train: A x = -b for the core of a site, or of two neighbours together.
//
//   A = sum over paths  s -t-> u (-t'-> w)   value  E[s] (x) F[u or w] (x) M1_t (x) M2_t'
//
// The product with A is three (four) rounds of matrix products over the indices of x (Holtz, Rohwedder, Schneider, SIAM J. Sci. Comput. 34 (2012) A683):
// the first bond with every E, the modes along the transitions, the second bond with all F at once. x is seen from its larger bond,
// whose rows are what two ranks share: each forms half the rows of the result and gets the other half. One rank forms the same two halves one
// after the other, so the bits agree.
//
// Preconditioner: fast diagonalisation (Lynch, Rice, Thomas, Numer. Math. 6 (1964) 185). V_1, V_2, .. are the eigenvectors of the partial traces of A; in their basis the
// preconditioner is the diagonal of A, so the problem is turned into that basis once and KSPCG runs with the diagonal (PCJACOBI).
#include "als_impl.h"
#include <petscblaslapack.h>
#include <petscksp.h>

#define SPLIT_FLOPS 1.5e6 // products below this are formed whole on every rank: an exchange costs as much

typedef struct { // a local problem seen from one of its bonds
  PetscInt         r, q, nsite, m[2], N, ns[3];
  const double    *E, *F, *M[2];
  const PetscBool *identity[2];
  SnaTtTransition *tr[2];
  PetscInt         ntr[2];
  PetscBool        flipped, split;
  double           flops; // of one product
} Oriented;

struct SnaTtLocalSolver_ {
  MPI_Comm    comm;
  PetscMPIInt rank, size;
  KSP         ksp;
  void       *converged_default;
  Oriented    o;
  SnaTtBuffer t1, t2, t3, half[2], diagonal, E, F, M[2], V[4], x, b, work;
  double      flops;
};

// ---------------------------------------------------------------------------------------------------------------------
// Orientation
// ---------------------------------------------------------------------------------------------------------------------
static int CompareTransitions(const void *a, const void *b)
{
  const SnaTtTransition *x = (const SnaTtTransition *)a, *y = (const SnaTtTransition *)b;

  if (x->to != y->to) return x->to < y->to ? -1 : 1;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return x->table < y->table ? -1 : x->table > y->table;
}

static PetscErrorCode Orient(SnaTtOperator op, const SnaTtLocal *l, PetscBool flip, Oriented *o)
{
  double middle = 0;

  PetscFunctionBeginUser;
  o->flipped = flip;
  o->nsite   = l->nsite;
  o->r       = flip ? l->q : l->r;
  o->q       = flip ? l->r : l->q;
  o->E       = flip ? l->F : l->E;
  o->F       = flip ? l->E : l->F;
  o->m[1]    = 1;
  for (PetscInt i = 0; i < l->nsite; i++) {
    const PetscInt     from = flip ? l->nsite - 1 - i : i;
    const SnaTtTables *t    = l->tables[from];

    o->m[i]        = l->m[from];
    o->M[i]        = t->M;
    o->identity[i] = t->identity;
    o->ntr[i]      = op->A.ntrans[l->k + from];
    PetscCall(PetscMalloc1(o->ntr[i], &o->tr[i]));
    PetscCall(PetscArraycpy(o->tr[i], op->A.trans[l->k + from], o->ntr[i]));
    for (PetscInt j = 0; flip && j < o->ntr[i]; j++) {
      const PetscInt to = o->tr[i][j].to;

      o->tr[i][j].to   = o->tr[i][j].from;
      o->tr[i][j].from = to;
    }
    if (flip) qsort(o->tr[i], (size_t)o->ntr[i], sizeof(SnaTtTransition), CompareTransitions);
    for (PetscInt j = 0; j < o->ntr[i]; j++) middle += o->identity[i][o->tr[i][j].table] ? 1.0 : (double)o->m[i];
  }
  for (PetscInt i = 0; i <= l->nsite; i++) o->ns[i] = op->A.nstate[l->k + (flip ? l->nsite - i : i)];
  o->N     = o->r * o->q * o->m[0] * o->m[1];
  o->flops = 2.0 * (double)o->N * ((double)(o->ns[0] * o->r) + middle + (double)(o->ns[o->nsite] * o->q));
  o->split = (PetscBool)(o->r >= 4 && o->flops > SPLIT_FLOPS);
  PetscFunctionReturn(0);
}

static PetscErrorCode OrientDestroy(Oriented *o)
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < o->nsite; i++) PetscCall(PetscFree(o->tr[i]));
  PetscFunctionReturn(0);
}

// [a, b, j1, j2] -> [b, a, j2, j1]
static void Flip(PetscInt r, PetscInt q, PetscInt m1, PetscInt m2, const double *x, double *y)
{
  for (PetscInt j2 = 0; j2 < m2; j2++)
    for (PetscInt j1 = 0; j1 < m1; j1++) {
      const double *from = x + r * q * (j1 + m1 * j2);
      double       *to   = y + r * q * (j2 + m2 * j1);

      for (PetscInt b = 0; b < q; b++)
        for (PetscInt a = 0; a < r; a++) to[b + q * a] = from[a + r * b];
    }
}

static void RowsOfHalf(const Oriented *o, int half, PetscInt *a0, PetscInt *na)
{
  *a0 = half ? o->r / 2 : 0;
  *na = half ? o->r - o->r / 2 : o->r / 2;
}

static PetscErrorCode Gemm(char ta, char tb, PetscInt m, PetscInt n, PetscInt k, double alpha, const double *A,
  PetscInt lda, const double *B, PetscInt ldb, double beta, double *C, PetscInt ldc)
{
  const PetscBLASInt bm = (PetscBLASInt)m, bn = (PetscBLASInt)n, bk = (PetscBLASInt)k, la = (PetscBLASInt)lda,
                     lb = (PetscBLASInt)ldb, lc = (PetscBLASInt)ldc;

  PetscFunctionBeginUser;
  PetscCallBLAS("BLASgemm", BLASgemm_(&ta, &tb, &bm, &bn, &bk, &alpha, A, &la, B, &lb, &beta, C, &lc));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The product
// ---------------------------------------------------------------------------------------------------------------------
// C[:, i] (+)= value * sum_j T[:, j] M[i, j] for `rows` rows; columns ldt and ldc apart.
static PetscErrorCode Transition(const Oriented *o, PetscInt site, const SnaTtTransition *t, PetscBool first,
  PetscInt rows, const double *T, PetscInt ldt, double *C, PetscInt ldc)
{
  const PetscInt m = o->m[site];

  PetscFunctionBeginUser;
  if (!o->identity[site][t->table]) {
    PetscCall(Gemm('N', 'T', rows, m, m, t->value, T, ldt, o->M[site] + (size_t)t->table * (size_t)(m * m), m,
      first ? 0.0 : 1.0, C, ldc));
    PetscFunctionReturn(0);
  }
  for (PetscInt j = 0; j < m; j++) {
    const double *from = T + (size_t)j * (size_t)ldt;
    double       *to   = C + (size_t)j * (size_t)ldc;

    if (first)
      for (PetscInt i = 0; i < rows; i++) to[i] = t->value * from[i];
    else
      for (PetscInt i = 0; i < rows; i++) to[i] += t->value * from[i];
  }
  PetscFunctionReturn(0);
}

// Rows a0 .. a0+na-1 of E x carried through the transitions: last[a', b, w, j1, j2], w the states of the second bond.
static PetscErrorCode Forward(
  SnaTtLocalSolver s, const Oriented *o, PetscInt a0, PetscInt na, const double *x, double **last)
{
  const PetscInt q = o->q, m1 = o->m[0], m2 = o->m[1], W = o->ns[o->nsite];
  const size_t   rows = (size_t)na * (size_t)q, block = rows * (size_t)m1 * (size_t)m2;

  PetscFunctionBeginUser;
  PetscCall(SnaTtBufferNeed(&s->t1, (size_t)o->ns[0] * block));
  PetscCall(SnaTtBufferNeed(&s->t3, (size_t)W * block));
  for (PetscInt e = 0; e < o->ns[0]; e++)
    PetscCall(Gemm('N', 'N', na, q * m1 * m2, o->r, 1, o->E + (size_t)e * (size_t)(o->r * o->r) + a0, o->r, x, o->r, 0,
      s->t1.p + (size_t)e * block, na));
  if (o->nsite == 1) {
    for (PetscInt i = 0; i < o->ntr[0]; i++) {
      const SnaTtTransition *t     = &o->tr[0][i];
      const PetscBool        first = (PetscBool)(i == 0 || o->tr[0][i - 1].to != t->to);

      PetscCall(Transition(o, 0, t, first, (PetscInt)rows, s->t1.p + (size_t)t->from * block, (PetscInt)rows,
        s->t3.p + (size_t)t->to * rows, (PetscInt)rows * W));
    }
  } else {
    PetscCall(SnaTtBufferNeed(&s->t2, (size_t)o->ns[1] * block));
    for (PetscInt i = 0; i < o->ntr[0]; i++) {
      const SnaTtTransition *t     = &o->tr[0][i];
      const PetscBool        first = (PetscBool)(i == 0 || o->tr[0][i - 1].to != t->to);

      for (PetscInt j2 = 0; j2 < m2; j2++) {
        const size_t at = (size_t)j2 * rows * (size_t)m1;

        PetscCall(Transition(o, 0, t, first, (PetscInt)rows, s->t1.p + (size_t)t->from * block + at, (PetscInt)rows,
          s->t2.p + (size_t)t->to * block + at, (PetscInt)rows));
      }
    }
    for (PetscInt i = 0; i < o->ntr[1]; i++) {
      const SnaTtTransition *t     = &o->tr[1][i];
      const PetscBool        first = (PetscBool)(i == 0 || o->tr[1][i - 1].to != t->to);

      for (PetscInt j1 = 0; j1 < m1; j1++)
        PetscCall(Transition(o, 1, t, first, (PetscInt)rows, s->t2.p + (size_t)t->from * block + (size_t)j1 * rows,
          (PetscInt)rows * m1, s->t3.p + ((size_t)t->to + (size_t)W * (size_t)j1) * rows, (PetscInt)rows * W * m1));
    }
  }
  *last = s->t3.p;
  PetscFunctionReturn(0);
}

static PetscErrorCode ProductRows(
  SnaTtLocalSolver s, const Oriented *o, PetscInt a0, PetscInt na, const double *x, double *y)
{
  const PetscInt q = o->q, W = o->ns[o->nsite];
  double        *last;

  PetscFunctionBeginUser;
  PetscCall(Forward(s, o, a0, na, x, &last));
  for (PetscInt j = 0; j < o->m[0] * o->m[1]; j++)
    PetscCall(Gemm('N', 'T', na, q, q * W, 1, last + (size_t)j * (size_t)(na * q * W), na, o->F, q, 0,
      y + (size_t)j * (size_t)(na * q), na));
  PetscFunctionReturn(0);
}

static PetscErrorCode Product(SnaTtLocalSolver s, const Oriented *o, const double *x, double *y)
{
  PetscInt a0[2], na[2];

  PetscFunctionBeginUser;
  s->flops += o->flops;
  if (!o->split) {
    PetscCall(ProductRows(s, o, 0, o->r, x, y));
    PetscFunctionReturn(0);
  }
  for (int h = 0; h < 2; h++) {
    RowsOfHalf(o, h, &a0[h], &na[h]);
    PetscCall(SnaTtBufferNeed(&s->half[h], (size_t)na[h] * (size_t)(o->N / o->r)));
    if (s->size == 1 || s->rank == h) PetscCall(ProductRows(s, o, a0[h], na[h], x, s->half[h].p));
  }
  if (s->size == 2) {
    const int mine = s->rank, other = 1 - s->rank;

    PetscCallMPI(MPI_Sendrecv(s->half[mine].p, (PetscMPIInt)(na[mine] * (o->N / o->r)), MPI_DOUBLE, other, 0,
      s->half[other].p, (PetscMPIInt)(na[other] * (o->N / o->r)), MPI_DOUBLE, other, 0, s->comm, MPI_STATUS_IGNORE));
  }
  for (PetscInt c = 0; c < o->N / o->r; c++) {
    for (int h = 0; h < 2; h++) {
      const double *from = s->half[h].p + (size_t)c * (size_t)na[h];
      double       *to   = y + (size_t)c * (size_t)o->r + a0[h];

      for (PetscInt a = 0; a < na[h]; a++) to[a] = from[a];
    }
  }
  PetscFunctionReturn(0);
}

// Diagonal of A, by the same paths over diagonals.
static PetscErrorCode Diagonal(SnaTtLocalSolver s, const Oriented *o, double *d)
{
  const PetscInt r = o->r, q = o->q, W = o->ns[o->nsite], U = o->ns[1];
  double        *dE, *dF, *first, *second;

  PetscFunctionBeginUser;
  (void)s;
  PetscCall(
    PetscMalloc4((size_t)(r * o->ns[0]), &dE, (size_t)(q * W), &dF, (size_t)(r * U), &first, (size_t)(r * W), &second));
  for (PetscInt e = 0; e < o->ns[0]; e++)
    for (PetscInt a = 0; a < r; a++) dE[e * r + a] = o->E[e * r * r + a * (r + 1)];
  for (PetscInt w = 0; w < W; w++)
    for (PetscInt b = 0; b < q; b++) dF[w * q + b] = o->F[w * q * q + b * (q + 1)];
  for (PetscInt j1 = 0; j1 < o->m[0]; j1++) {
    PetscCall(PetscArrayzero(first, r * U));
    for (PetscInt i = 0; i < o->ntr[0]; i++) {
      const SnaTtTransition *t = &o->tr[0][i];
      const double           v =
        t->value * o->M[0][(size_t)t->table * (size_t)(o->m[0] * o->m[0]) + (size_t)(j1 * (o->m[0] + 1))];

      for (PetscInt a = 0; a < r; a++) first[t->to * r + a] += v * dE[t->from * r + a];
    }
    for (PetscInt j2 = 0; j2 < o->m[1]; j2++) {
      const double *end = first;

      if (o->nsite == 2) {
        PetscCall(PetscArrayzero(second, r * W));
        for (PetscInt i = 0; i < o->ntr[1]; i++) {
          const SnaTtTransition *t = &o->tr[1][i];
          const double           v =
            t->value * o->M[1][(size_t)t->table * (size_t)(o->m[1] * o->m[1]) + (size_t)(j2 * (o->m[1] + 1))];

          for (PetscInt a = 0; a < r; a++) second[t->to * r + a] += v * first[t->from * r + a];
        }
        end = second;
      }
      PetscCall(Gemm('N', 'T', r, q, W, 1, end, r, dF, q, 0, d + (size_t)(r * q) * (size_t)(j1 + o->m[0] * j2), r));
    }
  }
  PetscCall(PetscFree4(dE, dF, first, second));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Right-hand side
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaTtLocalRhs(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, double b[])
{
  const PetscInt r = l->r, q = l->q, m1 = l->m[0], m2 = l->nsite == 2 ? l->m[1] : 1, U = op->b.nstate[l->k + 1],
                 W = op->b.nstate[l->k + l->nsite];
  double *left, *right;

  PetscFunctionBeginUser;
  (void)s;
  // left[a, u, j1] = sum_{s -t-> u} v hE[s][a] f1_t[j1],   right[b, u, j2] = sum_{u -t-> w} v f2_t[j2] hF[w][b] or hF[u][b]
  PetscCall(PetscCalloc2((size_t)(r * U * m1), &left, (size_t)(q * U * m2), &right));
  for (PetscInt i = 0; i < op->b.ntrans[l->k]; i++) {
    const SnaTtTransition *t = &op->b.trans[l->k][i];
    const double          *f = l->tables[0]->f + t->table * m1;

    for (PetscInt j = 0; j < m1; j++)
      for (PetscInt a = 0; a < r; a++) left[a + r * (t->to + U * j)] += t->value * f[j] * l->hE[t->from * r + a];
  }
  if (l->nsite == 1)
    PetscCall(PetscArraycpy(right, l->hF, q * W));
  else
    for (PetscInt i = 0; i < op->b.ntrans[l->k + 1]; i++) {
      const SnaTtTransition *t = &op->b.trans[l->k + 1][i];
      const double          *f = l->tables[1]->f + t->table * m2;

      for (PetscInt j = 0; j < m2; j++)
        for (PetscInt c = 0; c < q; c++) right[c + q * (t->from + U * j)] += t->value * f[j] * l->hF[t->to * q + c];
    }
  for (PetscInt j2 = 0; j2 < m2; j2++)
    for (PetscInt j1 = 0; j1 < m1; j1++)
      PetscCall(Gemm('N', 'T', r, q, U, 1, left + r * U * j1, r, right + q * U * j2, q, 0,
        b + (size_t)(r * q) * (size_t)(j1 + m1 * j2), r));
  PetscCall(PetscFree2(left, right));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtLocalApply(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[], double y[])
{
  Oriented o;
  double  *turned;

  PetscFunctionBeginUser;
  PetscCall(Orient(op, l, (PetscBool)(l->q > l->r), &o));
  if (o.flipped) {
    PetscCall(PetscMalloc1((size_t)o.N * 2, &turned));
    Flip(l->r, l->q, l->m[0], l->nsite == 2 ? l->m[1] : 1, x, turned);
    PetscCall(Product(s, &o, turned, turned + o.N));
    Flip(o.r, o.q, o.m[0], o.m[1], turned + o.N, y);
    PetscCall(PetscFree(turned));
  } else
    PetscCall(Product(s, &o, x, y));
  PetscCall(OrientDestroy(&o));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The basis of fast diagonalisation
// ---------------------------------------------------------------------------------------------------------------------
// V <- eigenvectors of the symmetric part of V.
static PetscErrorCode Eigenvectors(SnaTtLocalSolver s, PetscInt n, double *V)
{
  PetscBLASInt bn = (PetscBLASInt)n, lwork = (PetscBLASInt)(n * n + 34 * n), info;

  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < n; j++)
    for (PetscInt i = 0; i < j; i++) V[i + n * j] = V[j + n * i] = 0.5 * (V[i + n * j] + V[j + n * i]);
  PetscCall(SnaTtBufferNeed(&s->work, (size_t)lwork + (size_t)n));
  PetscCallBLAS("LAPACKsyev", LAPACKsyev_("V", "U", &bn, V, &bn, s->work.p, s->work.p + n, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK syev: %d", (int)info);
  PetscFunctionReturn(0);
}

// B_e = V^T A_e V for ne matrices n x n; those with skip[e] are left out.
static PetscErrorCode Turn(
  SnaTtLocalSolver s, PetscInt n, PetscInt ne, const PetscBool *skip, const double *A, const double *V, double *B)
{
  const size_t nn = (size_t)n * (size_t)n;

  PetscFunctionBeginUser;
  PetscCall(SnaTtBufferNeed(&s->work, nn));
  for (PetscInt e = 0; e < ne; e++) {
    if (skip && skip[e]) continue;
    PetscCall(Gemm('N', 'N', n, n, n, 1, A + (size_t)e * nn, n, V, n, 0, s->work.p, n));
    PetscCall(Gemm('T', 'N', n, n, n, 1, V, n, s->work.p, n, 0, B + (size_t)e * nn, n));
  }
  PetscFunctionReturn(0);
}

static void Traces(PetscInt n, PetscInt ne, const double *A, double *trace)
{
  for (PetscInt e = 0; e < ne; e++) {
    trace[e] = 0;
    for (PetscInt i = 0; i < n; i++) trace[e] += A[(size_t)e * (size_t)(n * n) + (size_t)(i * (n + 1))];
  }
}

// Eigenvectors of the partial traces: s->V[0] of the first bond, [1] of the second, [2], [3] of the modes.
static PetscErrorCode PartialTraces(SnaTtLocalSolver s, const Oriented *o, const PetscInt ntable[2])
{
  const PetscInt last = o->nsite;
  double        *forward[3], *backward[3], *trM[2];

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i <= last; i++) PetscCall(PetscCalloc2(o->ns[i], &forward[i], o->ns[i], &backward[i]));
  Traces(o->r, o->ns[0], o->E, forward[0]);
  Traces(o->q, o->ns[last], o->F, backward[last]);
  for (PetscInt i = 0; i < o->nsite; i++) {
    PetscCall(PetscMalloc1(ntable[i], &trM[i]));
    Traces(o->m[i], ntable[i], o->M[i], trM[i]);
    for (PetscInt j = 0; j < o->ntr[i]; j++) {
      const SnaTtTransition *t = &o->tr[i][j];
      forward[i + 1][t->to] += t->value * trM[i][t->table] * forward[i][t->from];
    }
  }
  for (PetscInt i = last - 1; i >= 0; i--)
    for (PetscInt j = 0; j < o->ntr[i]; j++) {
      const SnaTtTransition *t = &o->tr[i][j];
      backward[i][t->from] += t->value * trM[i][t->table] * backward[i + 1][t->to];
    }
  PetscCall(SnaTtBufferNeed(&s->V[0], (size_t)(o->r * o->r)));
  PetscCall(SnaTtBufferNeed(&s->V[1], (size_t)(o->q * o->q)));
  PetscCall(PetscArrayzero(s->V[0].p, o->r * o->r));
  PetscCall(PetscArrayzero(s->V[1].p, o->q * o->q));
  for (PetscInt e = 0; e < o->ns[0]; e++)
    for (PetscInt i = 0; i < o->r * o->r; i++) s->V[0].p[i] += backward[0][e] * o->E[e * o->r * o->r + i];
  for (PetscInt w = 0; w < o->ns[last]; w++)
    for (PetscInt i = 0; i < o->q * o->q; i++) s->V[1].p[i] += forward[last][w] * o->F[w * o->q * o->q + i];
  PetscCall(Eigenvectors(s, o->r, s->V[0].p));
  PetscCall(Eigenvectors(s, o->q, s->V[1].p));
  for (PetscInt i = 0; i < o->nsite; i++) {
    const PetscInt mm = o->m[i] * o->m[i];

    PetscCall(SnaTtBufferNeed(&s->V[2 + i], (size_t)mm));
    PetscCall(PetscArrayzero(s->V[2 + i].p, mm));
    for (PetscInt j = 0; j < o->ntr[i]; j++) {
      const SnaTtTransition *t = &o->tr[i][j];
      const double           v = t->value * forward[i][t->from] * backward[i + 1][t->to];
      const double          *M = o->M[i] + (size_t)t->table * (size_t)mm;

      for (PetscInt e = 0; e < mm; e++) s->V[2 + i].p[e] += v * M[e];
    }
    PetscCall(Eigenvectors(s, o->m[i], s->V[2 + i].p));
    PetscCall(PetscFree(trM[i]));
  }
  for (PetscInt i = 0; i <= last; i++) PetscCall(PetscFree2(forward[i], backward[i]));
  PetscFunctionReturn(0);
}

// y = (V_0 (x) V_1 (x) V_2 (x) V_3)^T x, or without the transpose. x and y may not be the same array; x is destroyed.
static PetscErrorCode TurnVector(SnaTtLocalSolver s, const Oriented *o, PetscBool transpose, double *x, double *y)
{
  const char     left = transpose ? 'T' : 'N', right = transpose ? 'N' : 'T';
  const PetscInt r = o->r, q = o->q, m1 = o->m[0], m2 = o->m[1];

  PetscFunctionBeginUser;
  PetscCall(Gemm(left, 'N', r, q * m1 * m2, r, 1, s->V[0].p, r, x, r, 0, y, r));
  for (PetscInt j = 0; j < m1 * m2; j++)
    PetscCall(Gemm(
      'N', right, r, q, q, 1, y + (size_t)(r * q) * (size_t)j, r, s->V[1].p, q, 0, x + (size_t)(r * q) * (size_t)j, r));
  for (PetscInt j = 0; j < m2; j++)
    PetscCall(Gemm('N', right, r * q, m1, m1, 1, x + (size_t)(r * q * m1) * (size_t)j, r * q, s->V[2].p, m1, 0,
      y + (size_t)(r * q * m1) * (size_t)j, r * q));
  if (o->nsite == 2) {
    PetscCall(Gemm('N', right, r * q * m1, m2, m2, 1, y, r * q * m1, s->V[3].p, m2, 0, x, r * q * m1));
    PetscCall(PetscArraycpy(y, x, o->N));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// PETSc
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode MatMult_Local(Mat A, Vec x, Vec y)
{
  SnaTtLocalSolver s;
  const double    *from;
  double          *to;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &s));
  PetscCall(VecGetArrayRead(x, &from));
  PetscCall(VecGetArrayWrite(y, &to));
  PetscCall(Product(s, &s->o, from, to));
  PetscCall(VecRestoreArrayWrite(y, &to));
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscFunctionReturn(0);
}

static PetscErrorCode MatGetDiagonal_Local(Mat A, Vec d)
{
  SnaTtLocalSolver s;
  double          *to;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(A, &s));
  PetscCall(VecGetArrayWrite(d, &to));
  PetscCall(Diagonal(s, &s->o, to));
  PetscCall(VecRestoreArrayWrite(d, &to));
  PetscFunctionReturn(0);
}

// The vectors are the same on both ranks; the decision to stop is rank 0's, so that processors which round differently stay together.
static PetscErrorCode Converged(KSP ksp, PetscInt it, PetscReal norm, KSPConvergedReason *reason, void *ctx)
{
  SnaTtLocalSolver s = (SnaTtLocalSolver)ctx;

  PetscFunctionBeginUser;
  if (s->size == 2) PetscCallMPI(MPI_Bcast(&norm, 1, MPIU_REAL, 0, s->comm));
  PetscCall(KSPConvergedDefault(ksp, it, norm, reason, s->converged_default));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtLocalSolverCreate(MPI_Comm comm, const char prefix[], SnaTtLocalSolver *solver)
{
  SnaTtLocalSolver s;
  PC               pc;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&s));
  s->comm = comm;
  PetscCallMPI(MPI_Comm_rank(comm, &s->rank));
  PetscCallMPI(MPI_Comm_size(comm, &s->size));
  PetscCheck(s->size <= 2, comm, PETSC_ERR_ARG_WRONG, "a local problem takes 1 or 2 ranks");
  PetscCall(KSPCreate(PETSC_COMM_SELF, &s->ksp));
  PetscCall(KSPSetOptionsPrefix(s->ksp, prefix));
  PetscCall(KSPSetType(s->ksp, KSPCG));
  PetscCall(KSPSetInitialGuessNonzero(s->ksp, PETSC_TRUE));
  PetscCall(KSPGetPC(s->ksp, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(KSPConvergedDefaultCreate(&s->converged_default));
  PetscCall(KSPSetFromOptions(s->ksp));
  // Reductions count from the start, which is good: from the residual of x, not from b.
  PetscCall(KSPSetConvergenceTest(s->ksp, KSPConvergedDefault, s->converged_default, NULL));
  PetscCall(KSPConvergedDefaultSetUIRNorm(s->ksp));
  PetscCall(KSPSetConvergenceTest(s->ksp, Converged, s, NULL));
  *solver = s;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtLocalSolverDestroy(SnaTtLocalSolver *solver)
{
  SnaTtLocalSolver s = *solver;

  PetscFunctionBeginUser;
  if (!s) PetscFunctionReturn(0);
  PetscCall(KSPDestroy(&s->ksp));
  PetscCall(KSPConvergedDefaultDestroy(s->converged_default));
  PetscCall(PetscFree(s->t1.p));
  PetscCall(PetscFree(s->t2.p));
  PetscCall(PetscFree(s->t3.p));
  PetscCall(PetscFree(s->E.p));
  PetscCall(PetscFree(s->F.p));
  PetscCall(PetscFree(s->x.p));
  PetscCall(PetscFree(s->b.p));
  PetscCall(PetscFree(s->work.p));
  PetscCall(PetscFree(s->diagonal.p));
  for (int i = 0; i < 2; i++) {
    PetscCall(PetscFree(s->half[i].p));
    PetscCall(PetscFree(s->M[i].p));
  }
  for (int i = 0; i < 4; i++) PetscCall(PetscFree(s->V[i].p));
  PetscCall(PetscFree(*solver));
  PetscFunctionReturn(0);
}

double SnaTtLocalSolverFlops(SnaTtLocalSolver s)
{
  return s->flops;
}

static double Dot(PetscInt n, const double *x, const double *y)
{
  double sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

PetscErrorCode SnaTtLocalSolve(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, PetscInt max_it, double rtol,
  double x[], double *objective, PetscBool *failed, PetscInt *iterations)
{
  Oriented          *o = &s->o;
  PetscInt           ntable[2], N;
  KSPConvergedReason reason;
  Mat                A;
  Vec                vx, vb;

  PetscFunctionBeginUser;
  PetscCall(Orient(op, l, (PetscBool)(l->q > l->r), o));
  N = o->N;
  for (PetscInt i = 0; i < l->nsite; i++) ntable[i] = l->tables[o->flipped ? l->nsite - 1 - i : i]->ntable;
  PetscCall(SnaTtBufferNeed(&s->x, 2 * (size_t)N));
  PetscCall(SnaTtBufferNeed(&s->b, 2 * (size_t)N));
  PetscCall(SnaTtLocalRhs(s, op, l, s->b.p));
  for (PetscInt i = 0; i < N; i++) s->b.p[i] = -s->b.p[i];
  if (o->flipped) {
    Flip(l->r, l->q, l->m[0], l->nsite == 2 ? l->m[1] : 1, x, s->x.p);
    PetscCall(PetscArraycpy(s->b.p + N, s->b.p, N));
    Flip(l->r, l->q, l->m[0], l->nsite == 2 ? l->m[1] : 1, s->b.p + N, s->b.p);
  } else
    PetscCall(PetscArraycpy(s->x.p, x, N));

  PetscCall(PartialTraces(s, o, ntable));
  PetscCall(SnaTtBufferNeed(&s->E, (size_t)(o->ns[0] * o->r * o->r)));
  PetscCall(SnaTtBufferNeed(&s->F, (size_t)(o->ns[o->nsite] * o->q * o->q)));
  PetscCall(Turn(s, o->r, o->ns[0], NULL, o->E, s->V[0].p, s->E.p));
  PetscCall(Turn(s, o->q, o->ns[o->nsite], NULL, o->F, s->V[1].p, s->F.p));
  o->E = s->E.p;
  o->F = s->F.p;
  for (PetscInt i = 0; i < l->nsite; i++) {
    const PetscInt mm = o->m[i] * o->m[i];

    PetscCall(SnaTtBufferNeed(&s->M[i], (size_t)(ntable[i] * mm)));
    PetscCall(PetscArraycpy(s->M[i].p, o->M[i], ntable[i] * mm)); // identities stay what they are
    PetscCall(Turn(s, o->m[i], ntable[i], o->identity[i], o->M[i], s->V[2 + i].p, s->M[i].p));
    o->M[i] = s->M[i].p;
  }
  PetscCall(TurnVector(s, o, PETSC_TRUE, s->x.p, s->x.p + N));
  PetscCall(TurnVector(s, o, PETSC_TRUE, s->b.p, s->b.p + N));

  PetscCall(MatCreateShell(PETSC_COMM_SELF, N, N, N, N, s, &A));
  PetscCall(MatShellSetOperation(A, MATOP_MULT, (void (*)(void))MatMult_Local));
  PetscCall(MatShellSetOperation(A, MATOP_GET_DIAGONAL, (void (*)(void))MatGetDiagonal_Local));
  PetscCall(MatSetOption(A, MAT_SPD, PETSC_TRUE));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, N, s->x.p + N, &vx));
  PetscCall(VecCreateSeqWithArray(PETSC_COMM_SELF, 1, N, s->b.p + N, &vb));
  PetscCall(KSPReset(s->ksp));
  PetscCall(KSPSetOperators(s->ksp, A, A));
  PetscCall(KSPSetTolerances(s->ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, max_it));
  PetscCall(KSPSolve(s->ksp, vb, vx));
  PetscCall(KSPGetConvergedReason(s->ksp, &reason));
  PetscCall(KSPGetIterationNumber(s->ksp, iterations));
  *failed = (PetscBool)(reason < 0 && reason != KSP_DIVERGED_ITS);
  if (s->size == 2) PetscCallMPI(MPI_Bcast(s->x.p + N, (PetscMPIInt)N, MPI_DOUBLE, 0, s->comm));
  if (objective) {
    PetscCall(Product(s, o, s->x.p + N, s->x.p));
    *objective = Dot(N, s->x.p + N, s->x.p) - 2 * Dot(N, s->x.p + N, s->b.p + N);
  }
  PetscCall(VecDestroy(&vx));
  PetscCall(VecDestroy(&vb));
  PetscCall(MatDestroy(&A));

  PetscCall(TurnVector(s, o, PETSC_FALSE, s->x.p + N, s->x.p));
  if (o->flipped)
    Flip(o->r, o->q, o->m[0], o->m[1], s->x.p, x);
  else
    PetscCall(PetscArraycpy(x, s->x.p, N));
  PetscCall(OrientDestroy(o));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// What a solved site contributes: environments, and the tables of its leaf
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SumHalves(SnaTtLocalSolver s, const Oriented *o, size_t n, double *half[2], double *sum)
{
  PetscFunctionBeginUser;
  if (!o->split)
    PetscCall(PetscArraycpy(sum, half[0], n));
  else if (s->size == 1)
    for (size_t i = 0; i < n; i++) sum[i] = half[0][i] + half[1][i];
  else {
    PetscCall(PetscArraycpy(sum, half[s->rank], n));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, (PetscMPIInt)n, MPI_DOUBLE, MPI_SUM, s->comm));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtEnvironment(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[],
  PetscBool right, double out[], double hout[])
{
  const PetscInt ns = op->b.nstate[right ? l->k : l->k + 1];
  const double  *h  = right ? l->hE : l->hF;
  Oriented       o;
  size_t         n;
  double        *turned = NULL, *G, *half[2];
  const double  *X      = x;

  PetscFunctionBeginUser;
  PetscCall(Orient(op, l, (PetscBool)!right, &o));
  if (o.flipped) {
    PetscCall(PetscMalloc1((size_t)o.N, &turned));
    Flip(l->r, l->q, l->m[0], 1, x, turned);
    X = turned;
  }
  n = (size_t)(o.ns[1] * o.q * o.q);
  for (int p = 0; p < (o.split ? 2 : 1); p++) {
    PetscInt a0 = 0, na = o.r;
    double  *last;

    if (o.split) RowsOfHalf(&o, p, &a0, &na);
    PetscCall(SnaTtBufferNeed(&s->half[p], n));
    half[p] = s->half[p].p;
    if (o.split && s->size == 2 && s->rank != p) continue;
    PetscCall(Forward(s, &o, a0, na, X, &last));
    for (PetscInt j = 0; j < o.m[0]; j++)
      PetscCall(Gemm('T', 'N', o.q, o.q * o.ns[1], na, 1, X + (size_t)(o.r * o.q) * (size_t)j + a0, o.r,
        last + (size_t)(na * o.q * o.ns[1]) * (size_t)j, na, j > 0 ? 1.0 : 0.0, half[p], o.q));
  }
  PetscCall(SumHalves(s, &o, n, half, out));

  PetscCall(PetscMalloc1((size_t)(ns * o.q * o.m[0]), &G));
  PetscCall(PetscArrayzero(hout, op->b.nstate[right ? l->k + 1 : l->k] * o.q));
  PetscCall(Gemm('T', 'N', ns, o.q * o.m[0], o.r, 1, h, o.r, X, o.r, 0, G, ns));
  for (PetscInt i = 0; i < op->b.ntrans[l->k]; i++) {
    const SnaTtTransition *t    = &op->b.trans[l->k][i];
    const PetscInt         from = right ? t->from : t->to, to = right ? t->to : t->from;
    const double          *f = l->tables[0]->f + t->table * o.m[0];

    for (PetscInt j = 0; j < o.m[0]; j++)
      for (PetscInt c = 0; c < o.q; c++) hout[to * o.q + c] += t->value * f[j] * G[from + ns * (c + o.q * j)];
  }
  PetscCall(PetscFree(G));
  PetscCall(PetscFree(turned));
  PetscCall(OrientDestroy(&o));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtLeafTables(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[],
  PetscInt ntable, double G[], PetscInt nvector, double g[])
{
  const PetscInt r = l->r, q = l->q, m = l->m[0], S = op->A.nstate[l->k], U = op->A.nstate[l->k + 1],
                 Sb = op->b.nstate[l->k], Ub = op->b.nstate[l->k + 1];
  const size_t n = (size_t)ntable * (size_t)(m * m);
  Oriented     o;
  double      *half[2], *hx, *P;

  PetscFunctionBeginUser;
  PetscCall(Orient(op, l, PETSC_FALSE, &o));
  for (int p = 0; p < (o.split ? 2 : 1); p++) {
    PetscInt a0 = 0, na = r;
    size_t   rows;

    if (o.split) RowsOfHalf(&o, p, &a0, &na);
    rows = (size_t)na * (size_t)q;
    PetscCall(SnaTtBufferNeed(&s->half[p], n));
    half[p] = s->half[p].p;
    if (o.split && s->size == 2 && s->rank != p) continue;
    PetscCall(SnaTtBufferNeed(&s->t1, (size_t)S * rows * (size_t)m));
    PetscCall(SnaTtBufferNeed(&s->t3, (size_t)U * rows * (size_t)m));
    for (PetscInt e = 0; e < S; e++) // t1[a, b, j, s] = E[s] x
      PetscCall(Gemm('N', 'N', na, q * m, r, 1, l->E + (size_t)e * (size_t)(r * r) + a0, r, x, r, 0,
        s->t1.p + (size_t)e * rows * (size_t)m, na));
    for (PetscInt j = 0; j < m; j++) // t3[a, b, u, j] = x F[u]
      PetscCall(Gemm('N', 'N', na, q * U, q, 1, x + (size_t)(r * q) * (size_t)j + a0, r, l->F, q, 0,
        s->t3.p + (size_t)j * rows * (size_t)U, na));
    PetscCall(PetscArrayzero(half[p], n));
    for (PetscInt i = 0; i < op->A.ntrans[l->k]; i++) {
      const SnaTtTransition *t = &op->A.trans[l->k][i];

      PetscCall(
        Gemm('T', 'N', m, m, (PetscInt)rows, t->value, s->t1.p + (size_t)t->from * rows * (size_t)m, (PetscInt)rows,
          s->t3.p + (size_t)t->to * rows, (PetscInt)rows * U, 1, half[p] + (size_t)t->table * (size_t)(m * m), m));
    }
  }
  PetscCall(SumHalves(s, &o, n, half, G));

  PetscCall(PetscArrayzero(g, nvector * m));
  PetscCall(PetscMalloc2((size_t)(Sb * q), &hx, (size_t)(Sb * Ub), &P));
  for (PetscInt j = 0; j < m; j++) {
    PetscCall(Gemm('T', 'N', Sb, q, r, 1, l->hE, r, x + (size_t)(r * q) * (size_t)j, r, 0, hx, Sb));
    PetscCall(Gemm('N', 'N', Sb, Ub, q, 1, hx, Sb, l->hF, q, 0, P, Sb));
    for (PetscInt i = 0; i < op->b.ntrans[l->k]; i++) {
      const SnaTtTransition *t = &op->b.trans[l->k][i];
      g[t->table * m + j] += t->value * P[t->from + Sb * t->to];
    }
  }
  PetscCall(PetscFree2(hx, P));
  PetscCall(OrientDestroy(&o));
  PetscFunctionReturn(0);
}
