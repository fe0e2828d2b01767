// assemble.c - tensors from what the loads gave.
//
// C_ij and C_ji are one number, made when the later of the two loads was done. Permeability: column j of the resistance R is the mean force for unit mean
// velocity along j; K = R^-1 on the axes along which the fluid percolates. With three mirrors R is diagonal and each axis stands alone; otherwise all
// percolating axes are needed, whichever were asked for. A cell of one phase has the tensor of that phase.
#include "homogenize_impl.h"

static void AssembleSymmetric(Homog *h, SnaPhysics physics)
{
  SnaTensor     *t = &h->result->tensor[physics];
  const PetscInt n = SnaHomogLoads(physics);

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) {
      t->value[i][j] = t->done[0][j] ? t->outcome[0][j].mean[i] : t->done[0][i] ? t->outcome[0][i].mean[j] : 0;
      if (t->zero[i] || t->zero[j]) t->value[i][j] = 0;
    }
  for (PetscInt l = 0; l < n; l++) t->solved[l] = (PetscBool)(t->done[0][l] || t->zero[l]);
}

static void AssembleCubic(Homog *h, SnaPhysics physics)
{
  SnaTensor    *t      = &h->result->tensor[physics];
  const double *stress = t->outcome[0][0].mean;
  const double  normal = stress[0], coupling = (stress[1] + stress[2]) / 2;

  for (PetscInt i = 0; i < 3; i++) {
    for (PetscInt j = 0; j < 3; j++) t->value[i][j] = i == j ? normal : physics == SNA_ELASTICITY ? coupling : 0;
    t->solved[i] = (PetscBool)(t->done[0][0] || t->zero[0]);
  }
  for (PetscInt i = 3; i < SnaHomogLoads(physics); i++) {
    t->value[i][i] = t->outcome[0][3].mean[3];
    t->solved[i]   = (PetscBool)(t->done[0][3] || t->zero[3]);
  }
}

// K = R^-1 on the axes p[0..n-1], R symmetrised; FALSE where R resists no flow.
static PetscBool Invert(PetscInt n, const int p[], const SnaCellLoad R[6], double K[3][3])
{
  double A[6][6] = {{0}}, e[6], s[6];

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < n; j++) A[i][j] = (R[p[i]].mean[p[j]] + R[p[j]].mean[p[i]]) / 2;
  for (PetscInt j = 0; j < n; j++) {
    PetscBool given[6], ok;
    for (PetscInt i = 0; i < 6; i++) {
      given[i] = (PetscBool)(i >= n);
      e[i]     = 0;
      s[i]     = i == j;
    }
    if (SnaTensorMixed(A, given, e, s, &ok) || !ok) return PETSC_FALSE;
    for (PetscInt i = 0; i < n; i++) K[p[i]][p[j]] = e[i];
  }
  return PETSC_TRUE;
}

static void AssemblePermeability(Homog *h)
{
  SnaTensor *t = &h->result->tensor[SNA_PERMEABILITY];

  for (PetscInt v = 0; v < 2; v++) {
    double    K[3][3] = {{0}};
    int       axes[3];
    PetscInt  n  = 0;
    PetscBool ok = PETSC_TRUE;

    for (int a = 0; a < 3; a++) {
      if (h->diagonal) {
        if (t->done[v][a] && !Invert(1, &a, t->outcome[v], K)) ok = PETSC_FALSE;
      } else if (!t->zero[a])
        axes[n++] = a;
    }
    for (PetscInt i = 0; i < n; i++) ok = (PetscBool)(ok && t->done[v][axes[i]]);
    if (n && ok) ok = Invert(n, axes, t->outcome[v], K);
    if (h->cubic) K[1][1] = K[2][2] = K[0][0];
    for (PetscInt i = 0; i < 3; i++)
      for (PetscInt j = 0; j < 3; j++) {
        if (v == 0) t->value[i][j] = K[i][j];
        if (v == 1) t->open[i][j] = K[i][j];
        t->mean[i][j] = (t->value[i][j] + t->open[i][j]) / 2;
      }
    for (PetscInt l = 0; l < 3; l++) {
      const PetscBool done = h->diagonal ? t->done[v][h->cubic ? 0 : l] : PETSC_TRUE;
      t->solved[l]         = (PetscBool)((t->zero[l] || (ok && done)) && (v == 0 || t->solved[l]));
    }
  }
}

// A cell of one phase: its own tensors. (All fluid has been told.)
static void AssembleAlone(Homog *h, SnaPhysics physics)
{
  SnaTensor *t = &h->result->tensor[physics];

  if (physics == SNA_PERMEABILITY && h->alone.fluid) return;
  for (PetscInt i = 0; i < SnaHomogLoads(physics); i++) {
    t->solved[i] = PETSC_TRUE;
    for (PetscInt j = 0; j < SnaHomogLoads(physics) && physics != SNA_PERMEABILITY; j++)
      t->value[i][j] = physics == SNA_ELASTICITY ? h->alone.C[i][j] : h->alone.k[i][j];
  }
}

// Sums and worst cases over the loads that are done.
static void Tally(Homog *h, SnaTensor *t)
{
  const double part   = h->octant ? 8 : 1;
  const double voxels = (double)h->voxels->n[0] * (double)h->voxels->n[1] * (double)h->voxels->n[2] / part;

  t->iterations = t->loads = 0;
  t->residual = t->error = t->voxel_iterations = t->seconds = 0;
  t->converged                                              = PETSC_TRUE;
  for (int v = 0; v < 2; v++)
    for (int l = 0; l < 6; l++) {
      const SnaCellLoad *o = &t->outcome[v][l];
      if (!t->done[v][l]) continue;
      t->loads++;
      t->iterations += o->iterations;
      t->seconds += o->seconds;
      t->voxel_iterations += voxels * (double)o->iterations;
      t->residual  = PetscMax(t->residual, o->residual);
      t->error     = PetscMax(t->error, o->error);
      t->converged = (PetscBool)(t->converged && o->converged);
    }
}

void SnaHomogAssemble(Homog *h, SnaPhysics physics)
{
  Tally(h, &h->result->tensor[physics]);
  if (h->one_phase)
    AssembleAlone(h, physics);
  else if (physics == SNA_PERMEABILITY)
    AssemblePermeability(h);
  else if (h->cubic)
    AssembleCubic(h, physics);
  else
    AssembleSymmetric(h, physics);
}
