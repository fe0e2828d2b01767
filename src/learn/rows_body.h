// Rows of 1-D functions in one precision: from coefficients to values, and back. Included by engines with REAL, NAME and LANES (numbers of a vector register).
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

// J[i*ld + row] = q[row] B_i(row), i < n
static void NAME(Columns)(
  const SplineTable *table, const REAL q[], const REAL basis[], const int32_t cell[], REAL J[], size_t ld)
{
  const size_t n = (size_t)table->n;

  if (table->dense) {
    for (size_t i = 0; i < n; i++)
      for (size_t r = 0; r < ROWS; r++) J[i * ld + r] = q[r] * basis[i * ROWS + r];
    return;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t r = 0; r < ROWS; r++) J[i * ld + r] = 0;
  for (size_t a = 0; a <= (size_t)table->p; a++)
    for (size_t r = 0; r < ROWS; r++) J[((size_t)cell[r] + a) * ld + r] = q[r] * basis[a * ROWS + r];
}
