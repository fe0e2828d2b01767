// Normal matrix, gradient and loss over this rank's rows in one precision; included by fit_lm.c with REAL, NAME, BLOCK, ENGINE, SET, SYRK.
static const BLOCK *NAME(GetBlock)(SnaFit fit, Lm *lm, PetscInt k, BLOCK *b)
{
  if (lm->set.SET) return &lm->set.SET[k];
  NAME(SnaBlockFill)
  (fit->s, k * ROWS, PetscMin(ROWS, lm->rows.n - k * ROWS), lm->rows.t, PETSC_FALSE, lm->prepare, b);
  return b;
}

static PetscErrorCode NAME(Loss)(SnaFit fit, Lm *lm, const double theta[], double *loss)
{
  SnaSeparable s = fit->s;
  REAL        *w = (REAL *)lm->theta, *space = (REAL *)lm->space, *y = space + s->ENGINE.work;
  PetscBool    valid  = PETSC_FALSE;
  double       square = 0;

  PetscFunctionBeginUser;
  for (PetscInt p = 0; p < s->np; p++) {
    w[p] = (REAL)theta[p];
    square += theta[p] * theta[p];
  }
  while (!valid) {
    double  largest = 0;
    int64_t sum     = 0;

    for (PetscInt k = 0; k * ROWS < lm->rows.n; k++) {
      BLOCK  b;
      double one, large; // PetscMax would add twice

      s->ENGINE.forward(s, w, NAME(GetBlock)(fit, lm, k, &b), y, space);
      one     = NAME(SnaFitResidual)(fit, lm->rows.y, k * ROWS, PetscMin(ROWS, lm->rows.n - k * ROWS), y);
      large   = SnaExactAddD(1, &one, fit->scale[SNA_SCALE_TRIAL], &sum);
      largest = PetscMax(largest, large);
    }
    PetscCall(SnaExactIsValid(fit->comm, largest, lm->nblock, &fit->scale[SNA_SCALE_TRIAL], &valid));
    if (valid) PetscCall(SnaExactReduce(fit->comm, 1, &sum, fit->scale[SNA_SCALE_TRIAL], loss));
  }
  *loss = *loss / (double)lm->rows.total + fit->o.ridge / 2 * square;
  PetscFunctionReturn(0);
}

// S J of one block for output o from the Jacobians of all outputs, Jo[(o*np + p)*ROWS + row].
static void NAME(FisherRows)(
  SnaFit fit, PetscInt o, const double target[], PetscInt n, const REAL residual[], const REAL Jo[], REAL J[])
{
  const PetscInt nout = fit->s->o.nout, np = fit->s->np;
  REAL           p[SNA_MAX_OUTPUTS][ROWS];

  for (PetscInt k = 0; k < nout; k++)
    for (PetscInt i = 0; i < ROWS; i++)
      p[k][i] = i < n ? residual[k * ROWS + i] + ((PetscInt)target[i] == k ? 1 : 0) : 0;
  for (PetscInt q = 0; q < np; q++) {
    REAL mean[ROWS];

    for (int i = 0; i < ROWS; i++) mean[i] = 0;
    for (PetscInt k = 0; k < nout; k++)
      for (int i = 0; i < ROWS; i++) mean[i] += p[k][i] * Jo[(k * np + q) * ROWS + i];
    for (int i = 0; i < ROWS; i++)
      J[q * SLAB + i] = (REAL)sqrt((double)(p[o][i] > 0 ? p[o][i] : 0)) * (Jo[(o * np + q) * ROWS + i] - mean[i]);
  }
}

static PetscErrorCode NAME(Normal)(SnaFit fit, Lm *lm)
{
  SnaSeparable       s  = fit->s;
  const PetscInt     np = s->np, nout = s->o.nout;
  const PetscBool    squares = (PetscBool)(fit->o.loss == SNA_FIT_SQUARES);
  const REAL         one = 1, zero = 0;
  REAL              *w = (REAL *)lm->theta, *J = (REAL *)lm->J, *Jo = J + (size_t)np * SLAB, *space = (REAL *)lm->space;
  REAL              *y = space + s->ENGINE.work, *g16 = (REAL *)lm->g16, *A = (REAL *)lm->A;
  const PetscBLASInt bn = (PetscBLASInt)np, bk = SLAB;
  PetscBool          valid = PETSC_FALSE;

  PetscFunctionBeginUser;
  for (PetscInt p = 0; p < np; p++) w[p] = (REAL)s->theta[p];
  while (!valid) {
    double    largestA = 0, largestg = 0;
    PetscInt  slabs = 0;
    PetscBool validA;

    PetscCall(PetscArrayzero(lm->sumA, (size_t)np * (size_t)(np + 1) / 2));
    PetscCall(PetscArrayzero(lm->sumg, np));
    PetscCall(PetscArrayzero(g16, np * 16));
    for (PetscInt k = 0; k * ROWS < lm->rows.n; k++) {
      const PetscInt  n    = PetscMin(ROWS, lm->rows.n - k * ROWS);
      const PetscBool end  = (PetscBool)((k + 1) * ROWS >= lm->rows.n),
                      last = (PetscBool)(end || (k + 1) % (SLAB / ROWS) == 0);
      BLOCK        block;
      const BLOCK *b = NAME(GetBlock)(fit, lm, k, &block);

      s->ENGINE.forward(s, w, b, y, space);
      (void)NAME(SnaFitResidual)(fit, lm->rows.y, k * ROWS, PetscMin(ROWS, lm->rows.n - k * ROWS), y);
      s->ENGINE.gradient(s, w, b, y, g16, space);
      for (PetscInt o = 0; o < nout && !squares; o++)
        s->ENGINE.jacobian(s, w, b, o, -1, Jo + (size_t)o * (size_t)np * ROWS, ROWS, space);
      for (PetscInt o = 0; o < nout; o++) {
        REAL *rows = J + slabs % (SLAB / ROWS) * ROWS;

        if (squares)
          s->ENGINE.jacobian(s, w, b, o, -1, rows, SLAB, space);
        else
          NAME(FisherRows)(fit, o, lm->rows.y[0] + k * ROWS, n, y, Jo, rows);
        for (PetscInt p = 0; p < np && n < ROWS; p++)
          for (PetscInt i = n; i < ROWS; i++) rows[p * SLAB + i] = 0;
        slabs++;
        if (slabs % (SLAB / ROWS) == 0 || (end && o == nout - 1)) {
          for (PetscInt i = slabs % (SLAB / ROWS) * ROWS; i > 0 && i < SLAB; i++)
            for (PetscInt p = 0; p < np; p++) J[p * SLAB + i] = 0;
          SYRK("U", "T", &bn, &bk, &one, J, &bk, &zero, A, &bn);
          int64_t *sum = lm->sumA;
          for (PetscInt j = 0; j < np; sum += ++j) {
            const double large = NAME(SnaExactAdd)(j + 1, A + j * np, fit->scale[SNA_SCALE_NORMAL], sum);

            largestA = PetscMax(largestA, large);
          }
        }
      }
      if (last) {
        for (PetscInt p = 0; p < np; p++) {
          double total = 0;

          for (int l = 0; l < 16; l++) total += (double)g16[p * 16 + l];
          lm->packed[p] = total;
        }
        PetscCall(PetscArrayzero(g16, np * 16));
        const double large = SnaExactAddD(np, lm->packed, fit->scale[SNA_SCALE_SLOPE], lm->sumg);

        largestg = PetscMax(largestg, large);
      }
    }
    PetscCall(SnaExactIsValid(fit->comm, largestA, nout * lm->nblock, &fit->scale[SNA_SCALE_NORMAL], &validA));
    PetscCall(SnaExactIsValid(fit->comm, largestg, lm->nblock, &fit->scale[SNA_SCALE_SLOPE], &valid));
    valid = (PetscBool)(valid && validA);
  }
  PetscCall(SnaExactReduce(fit->comm, np * (np + 1) / 2, lm->sumA, fit->scale[SNA_SCALE_NORMAL], lm->matrix));
  PetscCall(SnaExactReduce(fit->comm, np, lm->sumg, fit->scale[SNA_SCALE_SLOPE], lm->g));
  for (PetscInt j = 0; j < np; j++) {
    PetscCall(PetscArraycpy(lm->normal + j * np, lm->matrix + j * (j + 1) / 2, j + 1));
    lm->normal[j * np + j] += (double)lm->rows.total * fit->o.ridge;
    lm->g[j] += (double)lm->rows.total * fit->o.ridge * s->theta[j];
  }
  PetscFunctionReturn(0);
}

#undef REAL
#undef NAME
#undef BLOCK
#undef ENGINE
#undef SET
#undef SYRK
