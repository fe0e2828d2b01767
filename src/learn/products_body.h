// The engine of products in one precision; included by products.c with REAL, NAME, BLOCK, LANES.
//
// Dense directions: u = W B is a small matrix product with rows as the long side; two functions at a time keep their sums over all ROWS rows in registers.
#define NV (ROWS / LANES)
typedef REAL NAME(Vec) __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define AT(p)  (*(NAME(Vec) *)(p))
#define CAT(p) (*(const NAME(Vec) *)(p))

// u[k*ROWS + row] = sum_i W[k*n + i] B_i(row), k < count
static void NAME(Combine)(
  const SplineTable *table, PetscInt count, const REAL W[], const REAL basis[], const int32_t cell[], REAL u[])
{
  const PetscInt n = table->n;

  if (!table->dense) {
    for (PetscInt k = 0; k < count; k++, W += n, u += ROWS) {
      for (int i = 0; i < ROWS; i++) u[i] = W[cell[i]] * basis[i];
      for (int a = 1; a <= (int)table->p; a++)
        for (int i = 0; i < ROWS; i++) u[i] += W[cell[i] + a] * basis[a * ROWS + i];
    }
    return;
  }
  for (PetscInt k = 0; k < count; k += 2, W += 2 * n, u += 2 * ROWS) {
    const REAL *second = k + 1 < count ? W + n : W; // an odd last one is done twice
    NAME(Vec) s0[NV], s1[NV];

    for (int v = 0; v < NV; v++) {
      s0[v] = W[0] * CAT(basis + v * LANES);
      s1[v] = second[0] * CAT(basis + v * LANES);
    }
    for (PetscInt i = 1; i < n; i++) {
      const REAL w0 = W[i], w1 = second[i];

      for (int v = 0; v < NV; v++) {
        const NAME(Vec) b = CAT(basis + i * ROWS + v * LANES);

        s0[v] += w0 * b;
        s1[v] += w1 * b;
      }
    }
    for (int v = 0; v < NV; v++) AT(u + v * LANES) = s0[v];
    if (k + 1 < count)
      for (int v = 0; v < NV; v++) AT(u + ROWS + v * LANES) = s1[v];
  }
}

// g[(k*n + i)*16 + ..] += sum_rows q[k*ROWS + row] B_i(row)
static void NAME(Collect)(
  const SplineTable *table, PetscInt count, const REAL q[], const REAL basis[], const int32_t cell[], REAL g[])
{
  const PetscInt n = table->n;

  if (!table->dense) {
    for (PetscInt k = 0; k < count; k++, q += ROWS, g += n * 16)
      for (int i = 0; i < ROWS; i++) // a lane of its own for every row of 16: no sum waits for the one before
        for (int a = 0; a <= (int)table->p; a++) g[(cell[i] + a) * 16 + i % 16] += q[i] * basis[a * ROWS + i];
    return;
  }
  for (PetscInt k = 0; k < count; k += 2, q += 2 * ROWS, g += 2 * n * 16) {
    const int two = k + 1 < count;
    NAME(Vec) q0[NV], q1[NV];

    for (int v = 0; v < NV; v++) {
      q0[v] = CAT(q + v * LANES);
      q1[v] = two ? CAT(q + ROWS + v * LANES) : q0[v];
    }
    for (PetscInt i = 0; i < n; i++) {
      NAME(Vec) s0 = q0[0] * CAT(basis + i * ROWS), s1 = q1[0] * CAT(basis + i * ROWS);

      for (int v = 1; v < NV; v++) {
        const NAME(Vec) b = CAT(basis + i * ROWS + v * LANES);

        s0 += q0[v] * b;
        s1 += q1[v] * b;
      }
      AT(g + i * 16) += s0;
      if (two) AT(g + (n + i) * 16) += s1;
    }
  }
}

static void NAME(Activate)(SnaActivation activation, PetscInt n, const REAL x[], REAL a[])
{
  switch (activation) {
  case SNA_IDENTITY:
    for (PetscInt i = 0; i < n; i++) a[i] = x[i];
    break;
  case SNA_TANH:
    for (PetscInt i = 0; i < n; i++) a[i] = TANH(x[i]);
    break;
  case SNA_EXP:
    for (PetscInt i = 0; i < n; i++) a[i] = EXP(x[i]);
    break;
  case SNA_SOFTPLUS:
    for (PetscInt i = 0; i < n; i++) a[i] = (x[i] > 0 ? x[i] : 0) + LOG1P(EXP(x[i] > 0 ? -x[i] : x[i]));
    break;
  case SNA_SIGMOID:
    for (PetscInt i = 0; i < n; i++) a[i] = 1 / (1 + EXP(-x[i]));
    break;
  }
}

static void NAME(Forward)(SnaSeparable s, const REAL theta[], const BLOCK *b, REAL y[], REAL work[])
{
  REAL *u = VALUE(work, s), *before = BEFORE(work, s), *product = PRODUCT(work, s), *atom = ATOM(work, s);

  for (PetscInt d = 0; d < s->o.nd; d++)
    NAME(Combine)(&s->table[d], s->nof[d], theta + s->start[d], b->basis[d], b->cell[d], u + s->offset[d] * ROWS);
  for (PetscInt m = 0; m < s->nmode; m++) {
    const PetscInt *factor = s->factor + s->first[m];
    const PetscInt  n      = s->first[m + 1] - s->first[m];
    REAL           *M      = product + m * ROWS;
    NAME(Vec) run[NV];

    for (int v = 0; v < NV; v++) run[v] = CAT(u + factor[0] * ROWS + v * LANES);
    for (PetscInt j = 1; j < n; j++) {
      const REAL *uj = u + factor[j] * ROWS;
      REAL       *bj = before + factor[j] * ROWS;

      for (int v = 0; v < NV; v++) {
        AT(bj + v * LANES) = run[v];
        run[v] *= CAT(uj + v * LANES);
      }
    }
    for (int v = 0; v < NV; v++) AT(M + v * LANES) = run[v];
  }
  NAME(Activate)(s->o.activation, s->nmode * ROWS, product, atom);
  for (PetscInt i = 0; i < s->o.nout * ROWS; i++) y[i] = 0;
  for (PetscInt m = 0; m < s->nmode; m++)
    for (PetscInt o = s->owner[m] < 0 ? 0 : s->owner[m]; o <= (s->owner[m] < 0 ? s->o.nout - 1 : s->owner[m]); o++) {
      const REAL weight = s->o.learned ? theta[s->start[s->o.nd] + o * s->nmode + m] : 1;

      for (int i = 0; i < ROWS; i++) y[o * ROWS + i] += weight * atom[m * ROWS + i];
    }
}

// e[row] *= sigma'(M_m)
static void NAME(TimesDerivative)(SnaSeparable s, PetscInt m, const REAL work[], REAL e[])
{
  const REAL *x = PRODUCT(work, s) + m * ROWS, *a = ATOM(work, s) + m * ROWS;

  switch (s->o.activation) {
  case SNA_IDENTITY:
    break;
  case SNA_TANH:
    for (int i = 0; i < ROWS; i++) e[i] *= 1 - a[i] * a[i];
    break;
  case SNA_EXP:
    for (int i = 0; i < ROWS; i++) e[i] *= a[i];
    break;
  case SNA_SOFTPLUS:
    for (int i = 0; i < ROWS; i++) e[i] *= 1 / (1 + EXP(-x[i]));
    break;
  case SNA_SIGMOID:
    for (int i = 0; i < ROWS; i++) e[i] *= a[i] * (1 - a[i]);
    break;
  }
}

// Q of all functions of mode m: e times the product of the mode's other functions.
static void NAME(Exclude)(SnaSeparable s, PetscInt m, const REAL e[], REAL work[])
{
  const REAL     *u = VALUE(work, s), *before = BEFORE(work, s);
  const PetscInt *factor = s->factor + s->first[m];
  REAL           *q      = DERIVATIVE(work, s);
  NAME(Vec) run[NV];

  for (int v = 0; v < NV; v++) run[v] = CAT(e + v * LANES);
  for (PetscInt j = s->first[m + 1] - s->first[m] - 1; j > 0; j--) {
    const PetscInt at = factor[j] * ROWS;

    for (int v = 0; v < NV; v++) {
      AT(q + at + v * LANES) = run[v] * CAT(before + at + v * LANES);
      run[v] *= CAT(u + at + v * LANES);
    }
  }
  for (int v = 0; v < NV; v++) AT(q + factor[0] * ROWS + v * LANES) = run[v];
}

static void NAME(Gradient)(SnaSeparable s, const REAL theta[], const BLOCK *b, const REAL v[], REAL g[], REAL work[])
{
  const REAL *A    = theta + s->start[s->o.nd];
  REAL       *gA   = g + s->start[s->o.nd] * 16;
  const REAL *atom = ATOM(work, s);

  for (PetscInt m = 0; m < s->nmode; m++) {
    _Alignas(64) REAL e[ROWS];

    if (s->o.learned) {
      for (int i = 0; i < ROWS; i++) e[i] = 0;
      for (PetscInt o = 0; o < s->o.nout; o++) {
        const REAL weight = A[o * s->nmode + m];
        REAL      *sum    = gA + (o * s->nmode + m) * 16;

        for (int i = 0; i < ROWS; i++) e[i] += weight * v[o * ROWS + i];
        for (int i = 0; i < ROWS; i++) sum[i % 16] += v[o * ROWS + i] * atom[m * ROWS + i];
      }
    } else
      for (int i = 0; i < ROWS; i++) e[i] = v[s->owner[m] * ROWS + i];
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = 0; d < s->o.nd; d++) NAME(Collect)
  (&s->table[d], s->nof[d], DERIVATIVE(work, s) + s->offset[d] * ROWS, b->basis[d], b->cell[d], g + s->start[d] * 16);
}

static void NAME(Jacobian)(
  SnaSeparable s, const REAL theta[], const BLOCK *b, PetscInt o, PetscInt block, REAL J[], size_t ld, REAL work[])
{
  const REAL *A = theta + s->start[s->o.nd], *atom = ATOM(work, s), *q = DERIVATIVE(work, s);

  for (PetscInt m = 0; m < s->nmode && block < s->o.nd; m++) {
    const REAL        weight = s->o.learned ? A[o * s->nmode + m] : s->owner[m] == o ? 1 : 0;
    _Alignas(64) REAL e[ROWS];

    for (int i = 0; i < ROWS; i++) e[i] = weight;
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = block < 0 ? 0 : block; d < (block < 0 ? s->o.nd : PetscMin(block + 1, s->o.nd)); d++)
    for (PetscInt k = 0; k < s->nof[d]; k++) {
      const SplineTable *table = &s->table[d];
      const REAL        *qk    = q + (s->offset[d] + k) * ROWS;

      if (table->dense)
        for (PetscInt i = 0; i < table->n; i++, J += ld)
          for (int r = 0; r < ROWS; r++) J[r] = qk[r] * b->basis[d][i * ROWS + r];
      else {
        for (PetscInt i = 0; i < table->n; i++)
          for (int r = 0; r < ROWS; r++) J[(size_t)i * ld + (size_t)r] = 0;
        for (int a = 0; a <= (int)table->p; a++)
          for (int r = 0; r < ROWS; r++)
            J[(size_t)(b->cell[d][r] + a) * ld + (size_t)r] = qk[r] * b->basis[d][a * ROWS + r];
        J += (size_t)table->n * ld;
      }
    }
  if (s->o.learned && (block < 0 || block == s->o.nd))
    for (PetscInt p = 0; p < s->o.nout * s->nmode; p++, J += ld)
      for (int r = 0; r < ROWS; r++) J[r] = p / s->nmode == o ? atom[p % s->nmode * ROWS + r] : 0;
}

static void NAME(Slope)(SnaSeparable s, const REAL theta[], const BLOCK *b, REAL dy[], REAL work[])
{
  const REAL *A = theta + s->start[s->o.nd], *q = DERIVATIVE(work, s);
  REAL       *du = SLOPE(work, s);

  for (PetscInt i = 0; i < s->o.nout * s->o.nd * ROWS; i++) dy[i] = 0;
  for (PetscInt m = 0; m < s->nmode; m++) {
    _Alignas(64) REAL e[ROWS];

    for (int i = 0; i < ROWS; i++) e[i] = 1;
    NAME(TimesDerivative)(s, m, work, e);
    NAME(Exclude)(s, m, e, work);
  }
  for (PetscInt d = 0; d < s->o.nd; d++) {
    NAME(Combine)(&s->table[d], s->nof[d], theta + s->start[d], b->slope[d], b->cell[d], du + s->offset[d] * ROWS);
    for (PetscInt k = 0; k < s->nof[d]; k++) {
      const PetscInt m  = s->of[d][k];
      const REAL    *uk = du + (s->offset[d] + k) * ROWS, *qk = q + (s->offset[d] + k) * ROWS;

      for (PetscInt o = s->owner[m] < 0 ? 0 : s->owner[m]; o <= (s->owner[m] < 0 ? s->o.nout - 1 : s->owner[m]); o++) {
        const REAL weight = s->o.learned ? A[o * s->nmode + m] : 1;
        REAL      *out    = dy + (o * s->o.nd + d) * ROWS;

        for (int r = 0; r < ROWS; r++) out[r] += weight * qk[r] * uk[r];
      }
    }
  }
}

#undef NV
#undef AT
#undef CAT
#undef REAL
#undef NAME
#undef BLOCK
#undef LANES
#undef EXP
#undef LOG1P
#undef TANH
