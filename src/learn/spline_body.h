// The tabulation in one precision; included by spline.c with REAL, NAME and COEFFICIENTS.
void NAME(SnaSplineFill)(const SplineTable *s, PetscInt n, const double t[], REAL basis[], REAL slope[], int32_t cell[])
{
  const int   q = (int)s->p + 1;
  const REAL *c = s->COEFFICIENTS, cells = (REAL)s->cells;
  int32_t     first[ROWS];
  REAL        w[ROWS], value[ROWS], derivative[ROWS];

  for (int i = 0; i < ROWS; i++) {
    const double x = t[i < n ? i : n - 1];
    const double z = (x > 0 ? (x < 1 ? x : 1) : 0) * (double)s->cells;
    const int    k = (int)z < (int)s->cells ? (int)z : (int)s->cells - 1;

    first[i] = k;
    w[i]     = (REAL)(z - (double)k - 0.5);
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
#undef REAL
#undef NAME
#undef COEFFICIENTS
