// Private layout of SnaModel, shared by model.c and the models' own folders.
#ifndef SNA_MODEL_IMPL_H
#define SNA_MODEL_IMPL_H

#include <sna/models.h>

struct SnaModel_ {
  MPI_Comm     comm;
  SnaModelOps  ops;
  SnaModelInfo info;
  SnaMonitor   monitor;
  void        *monitor_ctx;
  void        *data; // the model's own struct
};

// One entry of the registry: the deck's name, the constructor that fills ops and data, and the tables of the model's keys.
typedef struct {
  const char *name;
  PetscErrorCode (*create)(SnaModel);
  int (*gettables)(int max, const char *title[], const SnaOption *table[]);
} SnaModelType;

PetscErrorCode SnaModelCreate_VSNA(SnaModel model);
int            SnaModelGetTables_VSNA(int max, const char *title[], const SnaOption *table[]);

#endif
