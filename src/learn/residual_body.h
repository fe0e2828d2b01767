// Residuals of one block in one precision; included by loss.c with REAL and NAME.
double NAME(SnaFitResidual)(SnaFit fit, const double *const y[], PetscInt first, PetscInt n, REAL out[])
{
  const PetscInt nout = fit->s->o.nout;
  double         loss = 0;

  if (fit->o.loss == SNA_FIT_SQUARES)
    for (PetscInt o = 0; o < nout; o++) {
      const double *target = y[o] + first;
      REAL          sum    = 0;

      for (PetscInt i = 0; i < n; i++) out[o * ROWS + i] = (REAL)((double)out[o * ROWS + i] - target[i]);
      for (PetscInt i = n; i < ROWS; i++) out[o * ROWS + i] = 0;
      for (PetscInt i = 0; i < ROWS; i++) sum += out[o * ROWS + i] * out[o * ROWS + i];
      loss += (double)sum / 2;
    }
  else {
    double p[SNA_MAX_OUTPUTS * ROWS], e[ROWS], hit[ROWS];

    for (PetscInt i = 0; i < nout * ROWS; i++) p[i] = (double)out[i];
    SnaSoftmaxBlock(nout, n, y[0] + first, p, e, hit);
    for (PetscInt i = 0; i < n; i++) loss += e[i];
    for (PetscInt o = 0; o < nout; o++)
      for (PetscInt i = 0; i < ROWS; i++) out[o * ROWS + i] = i < n ? (REAL)p[o * ROWS + i] : 0;
  }
  return loss;
}
#undef REAL
#undef NAME
