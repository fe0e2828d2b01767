// khronos_sample.c - the trained model as functions of physical inputs, and where its data lie.
//
//   value       t_d = scale_d(x_d);  regression: u = scale^-1(y(t));  classification: probability exp(y_k) / sum_c exp(y_c)
//   gradient    du/dx_d = (du/dy) (dy/dt_d) (dt_d/dx_d);  p_k' = p_k (y_k' - sum_c p_c y_c')
//   distance    Mahalanobis distance |L^-1 (t - mean)| of the scaled inputs to those of the training rows, over that which holds 95 % of them
//   draw        t = mean + L z, z standard normal numbers of (seed, direction, point), x moved into the box of the inputs
//   expand      principal components -> coefficients -> signal
//
// Work space for KHRONOS_BLOCK points is made once: an inversion calls with 64 to 256 points, thousands of times.
#include "khronos_run.h"
#include <math.h>

#define STREAM 0x6b686f6eu // of the random numbers; plus the direction

PetscErrorCode KhronosSetWork(Khronos *k, PetscInt nd)
{
  KhronosRun run  = k->run;
  PetscInt   nout = PetscMax(k->nclass, k->ntarget);
  double    *next;

  PetscFunctionBeginUser;
  if (run->memory && run->nd == nd && run->nout == nout) PetscFunctionReturn(0);
  PetscCall(PetscFree(run->memory));
  PetscCall(PetscFree2(run->y, run->dy));
  PetscCall(PetscMalloc1((size_t)(nd + nout + nout * nd) * KHRONOS_BLOCK, &run->memory));
  PetscCall(PetscMalloc2(nout, &run->y, (size_t)nout * (size_t)nd, &run->dy));
  run->nd   = nd;
  run->nout = nout;
  next      = run->memory;
  for (PetscInt d = 0; d < nd; d++, next += KHRONOS_BLOCK) run->t[d] = next;
  for (PetscInt o = 0; o < nout; o++, next += KHRONOS_BLOCK) run->y[o] = next;
  for (PetscInt o = 0; o < nout * nd; o++, next += KHRONOS_BLOCK) run->dy[o] = next;
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosEvaluateBlock(Khronos *k, PetscInt nd, PetscInt n, PetscInt only, PetscBool slopes)
{
  const KhronosRun     run   = k->run;
  const PetscInt       first = only < 0 ? 0 : only, last = only < 0 ? k->model.npart - 1 : only;
  const double *const *t = (const double *const *)run->t;

  PetscFunctionBeginUser;
  for (PetscInt p = first; p <= last;
       p++) // output p of functions with one output each; else all outputs of the one function
    PetscCall(SnaSeparableEvaluate(k->model.part[p], n, t, run->y + p, slopes ? run->dy + p * nd : NULL));
  PetscFunctionReturn(0);
}

void KhronosSoftmax(PetscInt nclass, PetscInt n, double *const z[])
{
  for (PetscInt i = 0; i < n; i++) {
    double largest = z[0][i], sum = 0;
    for (PetscInt c = 1; c < nclass; c++) largest = PetscMax(largest, z[c][i]);
    for (PetscInt c = 0; c < nclass; c++) sum += z[c][i] = exp(z[c][i] - largest);
    for (PetscInt c = 0; c < nclass; c++) z[c][i] /= sum;
  }
}

// run->t of physical x. The ends of the range are inside, round-off included: there the derivative must not vanish.
static void ScaleInputs(const Khronos *k, PetscInt nd, PetscInt n, const double *const x[])
{
  const double margin = 1e-12;

  for (PetscInt d = 0; d < nd; d++) {
    const SnaScale *s = &k->model.x[d];
    double         *t = k->run->t[d];
    if (s->log)
      for (PetscInt i = 0; i < n; i++) t[i] = (log(x[d][i]) - s->shift) / s->width;
    else
      for (PetscInt i = 0; i < n; i++) t[i] = (x[d][i] - s->shift) / s->width;
    for (PetscInt i = 0; i < n; i++) {
      if (t[i] > 1 && t[i] < 1 + margin) t[i] = 1;
      if (t[i] < 0 && t[i] > -margin) t[i] = 0;
    }
  }
}

// grad *= dt/dx
static void ChainInput(const SnaScale *s, PetscInt n, const double x[], double grad[])
{
  if (s->log)
    for (PetscInt i = 0; i < n; i++) grad[i] /= s->width * x[i];
  else
    for (PetscInt i = 0; i < n; i++) grad[i] /= s->width;
}

static PetscErrorCode SampleBlock(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  Khronos       *m   = (Khronos *)model->data;
  KhronosRun     run = m->run;
  const PetscInt nd  = model->info.nd;

  PetscFunctionBeginUser;
  ScaleInputs(m, nd, n, x);
  PetscCall(KhronosEvaluateBlock(m, nd, n, m->model.npart > 1 ? k : -1, (PetscBool)(grad != NULL)));
  if (m->nclass > 0) {
    KhronosSoftmax(m->nclass, n, run->y);
    for (PetscInt i = 0; i < n; i++) u[i] = run->y[k][i];
  } else {
    const SnaScale *s = &m->model.y[k];
    for (PetscInt i = 0; i < n; i++) u[i] = s->shift + s->width * run->y[k][i];
    for (PetscInt i = 0; i < n && s->log; i++) u[i] = exp(u[i]);
  }
  for (PetscInt d = 0; d < nd && grad; d++) {
    PetscCall(PetscArraycpy(grad[d], run->dy[k * nd + d], n));
    if (m->nclass > 0) {
      for (PetscInt c = 0; c < m->nclass; c++)
        for (PetscInt i = 0; i < n; i++) grad[d][i] -= run->y[c][i] * run->dy[c * nd + d][i];
      for (PetscInt i = 0; i < n; i++) grad[d][i] *= u[i];
    } else {
      const SnaScale *s = &m->model.y[k];
      for (PetscInt i = 0; i < n; i++) grad[d][i] *= s->log ? s->width * u[i] : s->width;
    }
    ChainInput(&m->model.x[d], n, x[d], grad[d]);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSample_Khronos(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  Khronos      *m = (Khronos *)model->data;
  const double *xb[SNA_MAX_DIM];
  double       *gb[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCheck(m->run && m->model.npart > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE, "no model was trained or read");
  PetscCall(KhronosSetWork(m, model->info.nd));
  for (PetscInt first = 0; first < n; first += KHRONOS_BLOCK) {
    for (PetscInt d = 0; d < model->info.nd; d++) {
      xb[d] = x[d] + first;
      if (grad) gb[d] = grad[d] + first;
    }
    PetscCall(SampleBlock(model, k, PetscMin(KHRONOS_BLOCK, n - first), xb, u + first, grad ? gb : NULL));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Where the data lie
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaModelDistance_Khronos(SnaModel model, PetscInt n, const double *const x[], double distance[])
{
  const KhronosModel *m  = &((const Khronos *)model->data)->model;
  const PetscInt      nd = model->info.nd;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    double z[SNA_MAX_DIM], square = 0; // L z = t - mean
    for (PetscInt d = 0; d < nd; d++) {
      z[d] = SnaScaleForward(&m->x[d], x[d][i]) - m->mean[d];
      for (PetscInt e = 0; e < d; e++) z[d] -= m->factor[d * nd + e] * z[e];
      z[d] /= m->factor[d * nd + d];
      square += z[d] * z[d];
    }
    distance[i] = sqrt(square) / m->radius;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelDraw_Khronos(SnaModel model, uint64_t seed, PetscInt first, PetscInt n, double *const x[])
{
  const KhronosModel *m  = &((const Khronos *)model->data)->model;
  const PetscInt      nd = model->info.nd;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    double z[SNA_MAX_DIM];
    for (PetscInt d = 0; d < nd; d++) z[d] = SnaRandomNormal(seed, STREAM + (uint64_t)d, (uint64_t)(first + i));
    for (PetscInt d = 0; d < nd; d++) {
      double t = m->mean[d], value;
      for (PetscInt e = 0; e <= d; e++) t += m->factor[d * nd + e] * z[e];
      value   = SnaScaleBackward(&m->x[d], t);
      x[d][i] = PetscMin(model->info.hi[d], PetscMax(model->info.lo[d], value));
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelExpand_Khronos(SnaModel model, PetscInt n, const double *const x[], PetscInt width, double out[])
{
  const KhronosModel *m = &((const Khronos *)model->data)->model;
  double             *score, *coefficient;

  PetscFunctionBeginUser;
  PetscCheck(width == model->info.expansion && m->pca.count == model->info.nd, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
    "signals of %" PetscInt_FMT " numbers behind %" PetscInt_FMT " components", width, m->pca.count);
  PetscCall(PetscMalloc2((size_t)n * (size_t)m->pca.count, &score, (size_t)n * (size_t)m->pca.width, &coefficient));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt d = 0; d < m->pca.count; d++) score[i * m->pca.count + d] = x[d][i];
  PetscCall(SnaPcaBackward(&m->pca, n, score, m->wavelet ? coefficient : out));
  if (m->wavelet) PetscCall(SnaWaveletBackward(m->wavelet, n, coefficient, out));
  PetscCall(PetscFree2(score, coefficient));
  PetscFunctionReturn(0);
}
