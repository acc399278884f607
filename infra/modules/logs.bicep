metadata description = 'A workspace with who wrote to the store and with the coming and going of machines. Silos\' own lines stay in each machine\'s journal.'

@description('What everything is named after.')
param name string

@description('Where everything is.')
param location string

@description('The storage account.')
param accountName string

@description('What keeps the number of machines.')
param autoscaleName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 30
  }
}

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: accountName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource keeper 'Microsoft.Insights/autoscalesettings@2022-10-01' existing = {
  name: autoscaleName
}

resource writes 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account::blobs
  name: 'slowrun'
  properties: {
    workspaceId: workspace.id
    // Without reads: every silo looks for work all the time.
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

resource machines 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: keeper
  name: 'slowrun'
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'AutoscaleEvaluations'
        enabled: true
      }
      {
        category: 'AutoscaleScaleActions'
        enabled: true
      }
    ]
  }
}
