// The tabulation in one precision; included by spline.c with REAL, BITS (an integer of its size), NAME and COEFFICIENTS.

// All functions on few cells: every polynomial of every cell at every row, kept where the row lies in that cell. Constant p unrolls the Horner sums; without
// gathers and scatters, this is several times as fast as looking the cell's polynomials up.
#define LANES (64 / (int)sizeof(REAL))
typedef REAL NAME(Row) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));
typedef BITS NAME(Mask) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));

// order 0: values, 1: derivatives. Apart from each other, so that values are the same bits with and without derivatives.
static inline __attribute__((always_inline)) void NAME(FillFew)(
  const int p, const int order, const SplineTable *s, const REAL where[], const REAL w[], REAL out[])
{
  const REAL *c = s->COEFFICIENTS;

  for (int i = 0; i < (int)s->n * ROWS; i++) out[i] = 0;
  for (int cell = 0; cell < (int)s->cells; cell++)
    for (int a = 0; a <= p; a++, c += p + 1) {
      REAL q[6];

      for (int k = order; k <= p; k++) q[k - order] = order ? (REAL)k * (REAL)s->cells * c[k] : c[k];
      for (int i = 0; i < ROWS; i += LANES) {
        const NAME(Row) x     = *(const NAME(Row) *)(w + i);
        const NAME(Mask) here = *(const NAME(Row) *)(where + i) == (REAL)cell;
        NAME(Row) v           = x * 0 + q[p - order];

        for (int k = p - order - 1; k >= 0; k--) v = v * x + q[k];
        *(NAME(Mask) *)(out + (cell + a) * ROWS + i) |= (NAME(Mask))v & here;
      }
    }
}

static void NAME(FillFewCells)(int order, const SplineTable *s, const REAL where[], const REAL w[], REAL out[])
{
  switch (2 * (int)s->p + order) {
  case 2:
    NAME(FillFew)(1, 0, s, where, w, out);
    return;
  case 3:
    NAME(FillFew)(1, 1, s, where, w, out);
    return;
  case 4:
    NAME(FillFew)(2, 0, s, where, w, out);
    return;
  case 5:
    NAME(FillFew)(2, 1, s, where, w, out);
    return;
  case 6:
    NAME(FillFew)(3, 0, s, where, w, out);
    return;
  case 7:
    NAME(FillFew)(3, 1, s, where, w, out);
    return;
  default:
    NAME(FillFew)((int)s->p, order, s, where, w, out);
    return;
  }
}

void NAME(SnaSplineFill)(const SplineTable *s, PetscInt n, const double t[], REAL basis[], REAL slope[], int32_t cell[])
{
  const int   q = (int)s->p + 1;
  const REAL *c = s->COEFFICIENTS, cells = (REAL)s->cells;
  int32_t     first[ROWS];
  double      padded[ROWS];
  REAL        w[ROWS], where[ROWS], value[ROWS], derivative[ROWS];

  for (int i = 0; i < ROWS; i++) padded[i] = t[i < n ? i : n - 1];
  for (int i = 0; i < ROWS; i++) {
    const double x = padded[i];
    const double z = (x > 0 ? (x < 1 ? x : 1) : 0) * (double)s->cells;
    const int    k = (int)z < (int)s->cells ? (int)z : (int)s->cells - 1;

    first[i] = k;
    where[i] = (REAL)k;
    w[i]     = (REAL)(z - (double)k - 0.5);
  }
  if (s->dense && s->cells <= FEW) {
    NAME(FillFewCells)(0, s, where, w, basis);
    if (slope) NAME(FillFewCells)(1, s, where, w, slope);
    return;
  }
  if (cell)
    for (int i = 0; i < ROWS; i++) cell[i] = first[i];
  if (s->dense) {
    for (int i = 0; i < (int)s->n * ROWS; i++) basis[i] = 0;
    for (int i = 0; i < (int)s->n * ROWS && slope; i++) slope[i] = 0;
  }
  for (int a = 0; a < q; a++) {
    const REAL *ca = c + a * q;

    for (int i = 0; i < ROWS; i++) value[i] = ca[first[i] * q * q + q - 1];
    for (int i = 0; i < ROWS; i++) derivative[i] = 0;
    for (int k = q - 2; k >= 0; k--) {
      if (slope)
        for (int i = 0; i < ROWS; i++) derivative[i] = derivative[i] * w[i] + value[i];
      for (int i = 0; i < ROWS; i++) value[i] = value[i] * w[i] + ca[first[i] * q * q + k];
    }
    if (s->dense) {
      for (int i = 0; i < ROWS; i++) basis[(first[i] + a) * ROWS + i] = value[i];
      for (int i = 0; i < ROWS && slope; i++) slope[(first[i] + a) * ROWS + i] = cells * derivative[i];
    } else {
      for (int i = 0; i < ROWS; i++) basis[a * ROWS + i] = value[i];
      for (int i = 0; i < ROWS && slope; i++) slope[a * ROWS + i] = cells * derivative[i];
    }
  }
}
#undef LANES
#undef BITS
#undef REAL
#undef NAME
#undef COEFFICIENTS
